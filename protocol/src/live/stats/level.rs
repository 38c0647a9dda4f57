//! The quality of a stream in one word, which does not flicker.

use super::Summary;
use crate::live::{Quality, QualityLevel};

/// So many summaries in a row have to say that it is better before it is called so. That it is worse is told after one more.
const BETTER: u32 = 3;
const WORSE: u32 = 2;

/// Makes a [`Quality`] of the broadcaster's summaries. The level changes only when several in a row agree; all else is that of the
/// last one.
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

    /// Takes a summary, and returns the quality as it is now. The first is taken at its word. One without a size says nothing.
    pub fn take(&mut self, summary: &Summary) -> Option<Quality> {
        let level = self.settle(level(summary)?);
        self.now = Some(level);
        Some(Quality {
            level,
            width: summary.width,
            height: summary.height,
            fps: Some(summary.fps),
            bitrate: Some(summary.bitrate),
            limited_by: summary.limited_by,
        })
    }

    /// The level to be told when a summary says this one.
    fn settle(&mut self, level: QualityLevel) -> QualityLevel {
        let Some(now) = self.now.filter(|now| *now != level) else {
            self.other = None;
            return level;
        };
        let before = self.other.filter(|(other, _)| (*other > now) == (level > now));
        let times = before.map_or(1, |(_, times)| times + 1);
        let is_settled = times >= if level > now { BETTER } else { WORSE };
        self.other = (!is_settled).then_some((level, times));
        if is_settled { level } else { now }
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
    use crate::live::LimitedBy;

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

    fn told(leveller: &mut Leveller, height: u32) -> QualityLevel {
        leveller.take(&summary(height, 30.0)).expect("a picture").level
    }

    #[test]
    fn it_does_not_flicker() {
        let mut leveller = Leveller::new();
        for _ in 0..50 {
            assert_eq!(told(&mut leveller, 720), QualityLevel::High);
            assert_eq!(told(&mut leveller, 360), QualityLevel::High);
        }
    }

    #[test]
    fn worse_is_told_sooner_than_better() {
        let mut leveller = Leveller::new();
        told(&mut leveller, 720);
        let mut after = |height, level| (1..10).find(|_| told(&mut leveller, height) == level);
        assert_eq!(after(180, QualityLevel::Low), Some(2));
        assert_eq!(after(360, QualityLevel::Medium), Some(3));
        assert_eq!(after(720, QualityLevel::High), Some(3));
    }

    #[test]
    fn a_fall_by_way_of_medium_is_told_as_where_it_ends() {
        let mut leveller = Leveller::new();
        told(&mut leveller, 720);
        assert_eq!(told(&mut leveller, 360), QualityLevel::High);
        assert_eq!(told(&mut leveller, 180), QualityLevel::Low);
    }

    /// The level stays where 720 lines become 1080, or the bitrate falls to a tenth.
    #[test]
    fn what_is_told_beside_the_level_is_that_of_the_last_summary() {
        let mut leveller = Leveller::new();
        told(&mut leveller, 720);
        let now = Summary { bitrate: 250_000, limited_by: Some(LimitedBy::Cpu), ..summary(1080, 30.0) };
        let quality = leveller.take(&now).expect("a picture");
        assert_eq!((quality.level, quality.height), (QualityLevel::High, Some(1080)));
        assert_eq!((quality.bitrate, quality.limited_by), (Some(250_000), Some(LimitedBy::Cpu)));
    }

    #[test]
    fn a_summary_without_a_picture_says_nothing() {
        let mut leveller = Leveller::new();
        assert_eq!(leveller.take(&Summary { bitrate: 64_000, ..Summary::default() }), None);
        assert!(leveller.take(&summary(360, 30.0)).is_some());
    }
}
