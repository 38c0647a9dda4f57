//! The quality of a stream in one word, which does not flicker.

use super::Summary;
use crate::live::{Quality, QualityLevel};

/// So many summaries in a row have to say that it is better before it is called so. That it is worse is told after one more.
const BETTER: u32 = 3;
const WORSE: u32 = 2;

/// Makes a [`Quality`] of the broadcaster's summaries. The level changes only when several in a row agree; what else is told goes with
/// it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leveller {
    now: Option<QualityLevel>,
    /// A level that is not the present one, and how many summaries in a row said so.
    other: Option<(QualityLevel, u32)>,
}

impl Leveller {
    /// A leveller that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a summary, and returns the quality when it has changed. The first is taken at its word. One without any pictures or size
    /// says nothing.
    pub fn take(&mut self, summary: &Summary) -> Option<Quality> {
        let level = level(summary)?;
        let changed = match self.now {
            None => true,
            Some(now) if now == level => false,
            Some(now) => {
                let before = self.other.filter(|(other, _)| (*other > now) == (level > now));
                let times = before.map_or(1, |(_, times)| times + 1);
                self.other = Some((level, times));
                times >= if level > now { BETTER } else { WORSE }
            }
        };
        if changed || self.now == Some(level) {
            self.other = None;
        }
        changed.then(|| {
            self.now = Some(level);
            Quality {
                level,
                width: summary.width,
                height: summary.height,
                fps: Some(summary.fps),
                bitrate: Some(summary.bitrate),
                limited_by: summary.limited_by,
            }
        })
    }
}

/// What one summary says. A picture upright is judged as one that lies.
fn level(summary: &Summary) -> Option<QualityLevel> {
    let (width, height) = (summary.width?, summary.height?);
    let lines = width.min(height);
    Some(match (lines, summary.fps) {
        (700.., 23.0..) => QualityLevel::High,
        (340.., 12.0..) => QualityLevel::Medium,
        _ => QualityLevel::Low,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(height: u32, fps: f64) -> Summary {
        Summary { width: Some(height * 16 / 9), height: Some(height), fps, ..Summary::default() }
    }

    #[test]
    fn the_word_for_a_picture() {
        for (width, height, fps, expected) in [
            (1280, 720, 30.0, QualityLevel::High),
            (720, 1280, 24.0, QualityLevel::High),
            (1920, 1080, 15.0, QualityLevel::Medium),
            (640, 360, 30.0, QualityLevel::Medium),
            (640, 360, 5.0, QualityLevel::Low),
            (320, 180, 30.0, QualityLevel::Low),
        ] {
            let summary = Summary { width: Some(width), height: Some(height), fps, ..Summary::default() };
            assert_eq!(level(&summary), Some(expected), "{width}x{height} at {fps}");
        }
        assert_eq!(level(&Summary::default()), None);
    }

    #[test]
    fn it_does_not_flicker() {
        let mut leveller = Leveller::new();
        assert_eq!(leveller.take(&summary(720, 30.0)).map(|quality| quality.level), Some(QualityLevel::High));
        for _ in 0..50 {
            assert_eq!(leveller.take(&summary(360, 30.0)), None);
            assert_eq!(leveller.take(&summary(720, 30.0)), None);
        }
    }

    #[test]
    fn worse_is_told_sooner_than_better() {
        let mut leveller = Leveller::new();
        leveller.take(&summary(720, 30.0));
        let told = |leveller: &mut Leveller, height| {
            (1..10).find_map(|times| leveller.take(&summary(height, 30.0)).map(|quality| (times, quality.level)))
        };
        assert_eq!(told(&mut leveller, 180), Some((2, QualityLevel::Low)));
        assert_eq!(told(&mut leveller, 360), Some((3, QualityLevel::Medium)));
        assert_eq!(told(&mut leveller, 720), Some((3, QualityLevel::High)));
        assert_eq!(told(&mut leveller, 720), None);
    }

    #[test]
    fn a_fall_by_way_of_medium_is_told_as_where_it_ends() {
        let mut leveller = Leveller::new();
        leveller.take(&summary(720, 30.0));
        assert_eq!(leveller.take(&summary(360, 30.0)), None);
        assert_eq!(leveller.take(&summary(180, 30.0)).map(|quality| quality.level), Some(QualityLevel::Low));
    }

    #[test]
    fn a_summary_without_a_picture_says_nothing() {
        let mut leveller = Leveller::new();
        assert_eq!(leveller.take(&Summary { bitrate: 64_000, ..Summary::default() }), None);
        assert!(leveller.take(&summary(360, 30.0)).is_some());
    }
}
