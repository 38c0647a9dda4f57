//! What is no video, and programs that misbehave.

use std::net::TcpListener;
use std::time::Instant;

use samewire_protocol::Code;

use super::*;
use crate::media::ffmpeg::Ffmpeg;
use crate::media::probe::probe;

const CLIP: &str = "-f lavfi -i testsrc2=s=320x240:r=25:d=2 -f lavfi -i sine=d=2 -c:v libx264 -pix_fmt yuv420p -c:a aac";

async fn refused(trial: &Trial, bytes: impl AsRef<[u8]>) -> Failure {
    let failure = trial.process(&videos().await, &trial.written(bytes)).await.expect_err("it was taken for a video");
    assert!(!failure.message.contains('/'), "a path is told: {failure}");
    failure
}

#[tokio::test]
async fn what_is_no_video_is_told_so() {
    let trial = Trial::new();
    let whole = std::fs::read(trial.made(&format!("{CLIP} -f mp4"))).unwrap();
    let webm = std::fs::read(trial.made("-f lavfi -i testsrc2=s=320x240:d=1 -c:v libvpx -f webm")).unwrap();
    let sound = std::fs::read(trial.made("-f lavfi -i sine=d=1 -c:a aac -f mp4")).unwrap();
    let head = |bytes: &[u8], rest: Vec<u8>| [&bytes[..64], &rest].concat();
    for (bytes, told) in [
        (Vec::new(), "it is empty"),
        (b"just a text".to_vec(), "something else"),
        (b"<svg onload=alert(1)>".to_vec(), "something else"),
        (vec![0; 100_000], "no format that is known"),
        // The index of this MP4 comes last, and is not there.
        (whole[..whole.len() / 2].to_vec(), "its index is missing"),
        (head(&whole, vec![0; 100_000]), "this is not a video"),
        (head(&webm, vec![0xff; 100_000]), "this is not a video"),
        (sound, "sound in it, and no picture"),
    ] {
        let failure = refused(&trial, bytes).await;
        assert_eq!((&failure.code, failure.retryable), (&Code::BadMedia, false), "{failure}");
        assert!(failure.message.contains(told), "{failure}");
    }
}

#[tokio::test]
async fn a_video_with_bytes_turned_over_ends_one_way_or_the_other() {
    let trial = Trial::new();
    let whole = std::fs::read(trial.made(&format!("{CLIP} -f mp4 -movflags +faststart"))).unwrap();
    for (seed, step) in [(3, 97), (11, 1009), (40, 31)] {
        let mut bytes = whole.clone();
        bytes.iter_mut().skip(seed).step_by(step).for_each(|byte| *byte ^= 0x55);
        if let Err(failure) = trial.process(&videos().await, &trial.written(&bytes)).await {
            assert_eq!(failure.code, Code::BadMedia, "{failure}");
        }
    }
}

/// Lists of other files, which ffmpeg would follow if it were left to guess what they are.
#[tokio::test]
async fn lists_of_other_files_are_never_followed() {
    let trial = Trial::new();
    let secret = trial.files.path().join("secret.ts");
    std::fs::rename(trial.made(&format!("{CLIP} -f mpegts")), &secret).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/x.ts", listener.local_addr().unwrap());
    let (tools, work) = (tools().await, tempfile::tempdir().unwrap());
    let ffmpeg = Ffmpeg::new(&tools, work.path(), 1, &LIMITS, 1 << 20);
    for target in [secret.display().to_string(), url] {
        let lists = [
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n"),
            format!("ffconcat version 1.0\nfile '{target}'\n"),
            format!(
                "<?xml version=\"1.0\"?><MPD><Period><AdaptationSet><Representation><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>"
            ),
            format!("[playlist]\nFile1={target}\n"),
        ];
        for list in &lists {
            assert_eq!(refused(&trial, list).await.code, Code::BadMedia);
            // A list behind the beginning of a film is read as the film that it claims to be.
            for beginning in
                [&b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"[..], b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm"]
            {
                assert_eq!(refused(&trial, [beginning, b"\n", list.as_bytes()].concat()).await.code, Code::BadMedia);
            }
            let source = trial.written(list);
            for demuxer in ["mov", "matroska", "mpegts", "mpeg"] {
                let read = probe(&ffmpeg, demuxer, &source).await;
                assert!(read.is_err(), "{demuxer} followed {list}: {read:?}");
            }
        }
    }
    let asked = listener.accept().map(|_| ());
    assert_eq!(asked.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody asked for the address");
}

/// The processor with a program that misbehaves in place of ffmpeg.
async fn faulty(trial: &Trial, script: &str) -> VideoProcessor {
    let tools = tools().await.with(trial.script(script));
    VideoProcessor::new(&crate::config::Video::default(), Ok(tools))
}

async fn group_is_gone(trial: &Trial) {
    let group = std::fs::read_to_string(trial.work.path().join("group")).unwrap();
    let begun = Instant::now();
    let alive = || {
        let listed = Command::new("ps").args(["-eo", "pgid=,stat=,args="]).output().unwrap().stdout;
        let lines = String::from_utf8_lossy(&listed).into_owned();
        let of_group = |line: &str| {
            let mut words = line.split_whitespace();
            words.next() == Some(group.trim()) && words.next().is_some_and(|state| !state.starts_with('Z'))
        };
        lines.lines().any(of_group)
    };
    while alive() {
        assert!(begun.elapsed() < Duration::from_secs(20), "group {group} is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_all_it_has_started() {
    let trial = Trial::new();
    let processor =
        faulty(&trial, "trap '' TERM; sleep 1000 & echo $$ > group.new; mv group.new group; wait; sleep 1000").await;
    let source = trial.made(&format!("{CLIP} -f mp4"));
    let mut job = trial.job(&source);
    let begun = Instant::now();
    let hanging = async {
        while !trial.work.path().join("group").exists() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not begin");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        ended = processor.process(&mut job) => panic!("ended: {ended:?}"),
        () = hanging => {}
    }
    group_is_gone(&trial).await;
}

#[tokio::test]
async fn a_program_that_eats_memory_ends_with_a_reason() {
    let mut trial = Trial::new();
    trial.limits.memory = 512 << 20;
    let source = trial.made(&format!("{CLIP} -f mp4"));
    let processor = faulty(&trial, "echo $$ > group; exec tail /dev/zero").await;
    let failure = trial.process(&processor, &source).await.unwrap_err();
    assert_eq!((&failure.code, failure.retryable), (&Code::ProcessingFailed, false));
    assert!(failure.message.contains("more memory") && failure.message.contains("512 MiB"), "{failure}");
    group_is_gone(&trial).await;

    // The real one, with a video that is too large for so little.
    trial.limits.memory = 320 << 20;
    let source = trial.made("-f lavfi -i testsrc2=s=3840x2160:r=25:d=1 -c:v libx264 -preset ultrafast -f mp4");
    let failure = trial.process(&videos().await, &source).await.unwrap_err();
    assert!(failure.code == Code::ProcessingFailed && failure.message.contains("more memory"), "{failure}");
    // With less still it does not even start.
    trial.limits.memory = 64 << 20;
    let failure = trial.process(&videos().await, &source).await.unwrap_err();
    assert!(failure.code == Code::ProcessingFailed && failure.message.contains("more memory"), "{failure}");
}

#[tokio::test]
async fn a_program_that_crashes_or_makes_nothing() {
    let trial = Trial::new();
    let source = trial.made(&format!("{CLIP} -f mp4"));
    for (script, code, told, again) in [
        ("kill -SEGV $$", Code::ProcessingFailed, "signal 11", false),
        ("kill -KILL $$", Code::ProcessingFailed, "killed from outside", true),
        ("exit 0", Code::BadMedia, "none of its pictures", false),
        ("echo frame=5; echo progress=end", Code::BadMedia, "not a video that can be read", false),
        ("echo 'video.mp4: No space left on device' >&2; exit 1", Code::StorageFull, "disk is full", true),
    ] {
        let failure = trial.process(&faulty(&trial, script).await, &source).await.unwrap_err();
        assert_eq!((&failure.code, failure.retryable), (&code, again), "{script}: {failure}");
        assert!(failure.message.contains(told), "{script}: {failure}");
    }
}

#[tokio::test]
async fn without_ffmpeg_jobs_wait() {
    let (other, poor) = (Trial::new(), Trial::new());
    for (path, told) in [
        ("no-such-ffmpeg".into(), "apt-get install ffmpeg"),
        ("/no/such/ffmpeg".into(), "video.ffmpeg"),
        (other.script("echo 'something else'"), "does not answer as ffmpeg does"),
        (poor.script("echo 'ffmpeg version 7.0 Copyright' >&2; echo ' A..... aac  AAC'"), "libx264"),
    ] {
        let config = crate::config::Video { ffmpeg: path, ..crate::config::Video::default() };
        let processor = VideoProcessor::new(&config, Tools::find(&config).await);
        let missing = processor.available().unwrap_err();
        assert_eq!((&missing.code, missing.retryable), (&Code::ProcessingUnavailable, true), "{missing}");
        assert!(missing.message.contains(told), "{missing}");
    }
    let tools = tools().await;
    assert!(tools.version().starts_with(|first: char| first.is_ascii_digit() || first == 'n' || first == 'N'), "{tools:?}");
    assert!(VideoProcessor::new(&crate::config::Video::default(), Ok(tools)).available().is_ok());
}
