//! What the end of a program means to whoever uploaded the file.

use samewire_protocol::{Code, Failure};

use super::child::{Bounds, Ended};

/// Signals as Linux numbers them (signal(7)).
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;
const SIGXFSZ: i32 = 25;

/// The longest text of a program's own that is passed on, in bytes.
const LONGEST: usize = 160;

/// What is written when memory is refused: by ffmpeg, by x264, by the loader of libraries, by other programs.
const NO_MEMORY: [&str; 6] = [
    "cannot allocate memory",
    "malloc of size",
    "memory exhausted",
    "out of memory",
    "failed to map segment",
    "resource temporarily unavailable",
];

/// What is known of broken media, and what it means.
const BROKEN: [(&str, &str); 7] = [
    ("moov atom not found", "its index is missing, as when a recording or a copy was cut off"),
    ("matches no streams", "there is no picture in it"),
    ("does not contain any stream", "there is neither picture nor sound in it"),
    ("picture size", "its pictures are too large"),
    ("decoder not found", "its codec is not known here"),
    ("end of file", "it ends too early"),
    ("invalid data found", "its content is broken, or of another format"),
];

/// Whether a program that says so did without some of what it had to do, whatever it ended with.
pub(crate) fn lacked_memory(ended: &Ended) -> bool {
    let complaint = ended.complaint.to_ascii_lowercase();
    NO_MEMORY.iter().any(|words| complaint.contains(words))
}

/// Why a program came to nothing.
pub(crate) fn explain(ended: &Ended, bounds: &Bounds) -> Failure {
    let failed = |told: String| Failure::new(Code::ProcessingFailed, told);
    if lacked_memory(ended) {
        let most = bounds.memory >> 20;
        return failed(format!("the video takes more memory to process than the {most} MiB that a job may use (jobs.memory)"));
    }
    match ended.signal() {
        Some(SIGXCPU) => {
            let most = bounds.processor.as_secs();
            return failed(format!("the video takes longer to process than the {most} s of processor time that a job may use"));
        }
        Some(SIGXFSZ) => return failed(format!("what is made of the video would be larger than {} MiB", bounds.file >> 20)),
        Some(SIGKILL) => {
            let told = "the processing was killed from outside, perhaps because the machine had no memory left";
            return Failure { retryable: true, ..failed(told.to_owned()) };
        }
        Some(signal) => return failed(format!("the processing crashed (signal {signal})")),
        None => {}
    }
    let complaint = ended.complaint.to_ascii_lowercase();
    if complaint.contains("no space left on device") {
        return Failure::new(Code::StorageFull, "the server's disk is full; the video is processed once there is room");
    }
    if complaint.contains("file too large") {
        return failed(format!("what is made of the video would be larger than {} MiB", bounds.file >> 20));
    }
    unreadable(&ended.complaint)
}

/// A file that is not what it should be.
pub(crate) fn unreadable(complaint: &str) -> Failure {
    let lower = complaint.to_ascii_lowercase();
    let known = BROKEN.iter().find(|(words, _)| lower.contains(words)).map(|(_, meaning)| (*meaning).to_owned());
    let why = known.or_else(|| last_words(complaint)).unwrap_or_else(|| "it could not be decoded".to_owned());
    Failure::new(Code::BadMedia, format!("this is not a video that can be read: {why}"))
}

/// The last line of a complaint, without what a user can do nothing with: addresses of objects, and paths of the server.
fn last_words(complaint: &str) -> Option<String> {
    let line = complaint.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    // "[h264 @ 0x55a498b87a40] no frame!"
    let line = line.rsplit_once("] ").map_or(line, |(_, rest)| rest);
    let words = line.split_whitespace().filter(|word| !word.contains(['/', '\\']) && !word.starts_with("0x"));
    let text = words.collect::<Vec<_>>().join(" ");
    let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
    let text = &text[..text.floor_char_boundary(LONGEST)];
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use std::time::Duration;

    use super::*;

    const BOUNDS: Bounds = Bounds { memory: 1 << 30, processor: Duration::from_secs(7200), file: 64 << 20 };

    /// As wait(2) gives it: a signal, or a status in the second byte.
    fn ended(raw: i32, complaint: &str) -> Failure {
        explain(&Ended { status: ExitStatus::from_raw(raw), complaint: complaint.into() }, &BOUNDS)
    }

    #[test]
    fn each_end_has_a_code_and_a_sentence() {
        for (raw, complaint, code, told, again) in [
            (256, "x264 [error]: malloc of size 5484672 failed", Code::ProcessingFailed, "1024 MiB", false),
            (24, "", Code::ProcessingFailed, "7200 s", false),
            (25, "", Code::ProcessingFailed, "64 MiB", false),
            (9, "", Code::ProcessingFailed, "killed from outside", true),
            (11, "", Code::ProcessingFailed, "signal 11", false),
            (256, "video.mp4: No space left on device", Code::StorageFull, "disk is full", true),
            (
                256,
                "[mov @ 0x5]  moov atom not found\nfile:/data/x: Invalid data found",
                Code::BadMedia,
                "index is missing",
                false,
            ),
            (256, "", Code::BadMedia, "could not be decoded", false),
        ] {
            let failure = ended(raw, complaint);
            assert_eq!((&failure.code, failure.retryable), (&code, again), "{complaint}");
            assert!(failure.message.contains(told), "{}", failure.message);
        }
    }

    #[test]
    fn no_path_and_no_address_is_told() {
        for (complaint, told) in [
            ("[h264 @ 0x55a498b87a40] no frame!\n", "no frame!"),
            ("file:/var/lib/samewire/blobs/ab/cd/x: Strange things\n\n", "Strange things"),
            ("one\ntwo \u{7}three", "two three"),
        ] {
            assert_eq!(last_words(complaint).as_deref(), Some(told));
        }
        assert_eq!(last_words(" \n"), None);
        assert!(last_words(&"é".repeat(500)).is_some_and(|text| text.len() <= LONGEST));
    }
}
