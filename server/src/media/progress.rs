//! How far ffmpeg is, as `-progress` tells it: lines of `key=value`, in blocks that `progress=continue` or `progress=end` closes.

use std::time::Duration;

/// What has come out so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// How much plays.
    pub(crate) time: Duration,
    /// Pictures.
    pub(crate) frames: u64,
}

impl Progress {
    /// Takes a line. Whether a block ends with it, and there is something to tell.
    pub(crate) fn take(&mut self, line: &str) -> bool {
        let Some((key, value)) = line.split_once('=') else { return false };
        let value = value.trim();
        match key.trim() {
            // Before the first packet it is `N/A`, and of a stream that begins before 0 it is negative.
            "out_time_us" => {
                if let Ok(micros) = value.parse() {
                    self.time = self.time.max(Duration::from_micros(micros));
                }
            }
            "frame" => self.frames = value.parse().unwrap_or(self.frames),
            "progress" => return true,
            _ => {}
        }
        false
    }

    /// The share of a whole, from 0 to 1. A length that the file claims may be wrong.
    pub(crate) fn share(&self, whole: Duration) -> f32 {
        if whole.is_zero() { 0.0 } else { (self.time.as_secs_f32() / whole.as_secs_f32()).clamp(0.0, 1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_ffmpeg_are_read() {
        let mut progress = Progress::default();
        let mut take = |text: &str| {
            let told: Vec<bool> = text.lines().map(|line| progress.take(line)).collect();
            (told.iter().filter(|told| **told).count(), progress.time.as_millis(), progress.frames)
        };
        assert_eq!(take("frame=0\nfps=0.00\nout_time_us=N/A\nout_time=N/A\nprogress=continue"), (1, 0, 0));
        assert_eq!(take("out_time_us=-21333\nprogress=continue"), (1, 0, 0));
        assert_eq!(take("frame=   52\nbitrate= 123.4kbits/s\nout_time_us=1750000\nspeed=3.5x"), (0, 1750, 52));
        assert_eq!(take("out_time_us=1700000\nprogress=end\nnonsense\n="), (1, 1750, 52));
        assert_eq!(take("frame=99999999999999999999\nout_time_us=99999999999999999999999"), (0, 1750, 52));
    }

    #[test]
    fn a_share_is_one_at_most() {
        let progress = Progress { time: Duration::from_secs(3), frames: 1 };
        assert!((progress.share(Duration::from_secs(4)) - 0.75).abs() < 1e-6);
        assert!(progress.share(Duration::from_secs(2)) <= 1.0);
        assert!(progress.share(Duration::ZERO) <= 0.0);
    }
}
