//! What is in a video, before anything is made of it.

use std::path::Path;
use std::time::Duration;

use samewire_protocol::Failure;
use serde::Deserialize;

use super::ffmpeg::{Ffmpeg, arguments};
use super::trouble::unreadable;

/// The longest video that is believed to be one.
const LONGEST: Duration = Duration::from_secs(100 * 60 * 60);

/// A video, as ffprobe sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Clip {
    /// As it is shown: turned upright, and with square pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Whether its pixels are not square.
    pub(crate) stretched: bool,
    /// Pictures in a second, as a fraction.
    pub(crate) rate: (u32, u32),
    /// The picture's codec.
    pub(crate) codec: String,
    /// Whether there is sound that can be decoded.
    pub(crate) sound: bool,
    /// How long it plays; unknown of a recording that was written as it came.
    pub(crate) duration: Option<Duration>,
}

const ENTRIES: &str = "stream=codec_type,codec_name,width,height,sample_aspect_ratio,r_frame_rate,sample_rate,duration\
                       :stream_disposition=attached_pic:stream_side_data=rotation:format=duration";

/// Reads what a file of this format holds.
///
/// # Errors
/// `bad-media`: it cannot be read, or there is no picture in it.
pub(crate) async fn probe(ffmpeg: &Ffmpeg<'_>, demuxer: &str, source: &Path) -> Result<Clip, Failure> {
    let report = ffmpeg.ask(demuxer, source, ENTRIES).await?;
    let report: Report = serde_json::from_str(&report).map_err(|_| unreadable(""))?;
    report.clip()
}

/// How long a video plays that does not say so: all its packets are read, and none is decoded.
///
/// # Errors
/// As for [`probe`].
pub(crate) async fn measure(ffmpeg: &Ffmpeg<'_>, demuxer: &str, source: &Path) -> Result<Duration, Failure> {
    let mut line = ffmpeg.input(demuxer, source);
    line.extend(arguments(&["-map", "0:V:0", "-c", "copy", "-f", "null", "-"]));
    let progress = ffmpeg.run(line, |_| ()).await?;
    Ok(progress.time)
}

#[derive(Debug, Deserialize)]
struct Report {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Default, Deserialize)]
struct Format {
    duration: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stream {
    codec_type: Option<String>,
    codec_name: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    sample_aspect_ratio: Option<String>,
    r_frame_rate: Option<String>,
    sample_rate: Option<String>,
    duration: Option<String>,
    disposition: Disposition,
    side_data_list: Vec<SideData>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Disposition {
    attached_pic: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SideData {
    rotation: Option<f64>,
}

impl Report {
    fn clip(self) -> Result<Clip, Failure> {
        let of_type = |stream: &Stream, wanted: &str| stream.codec_type.as_deref() == Some(wanted);
        let picture = self.streams.iter().find(|stream| of_type(stream, "video") && stream.disposition.attached_pic == 0);
        let sound = self.streams.iter().find(|stream| of_type(stream, "audio"));
        let Some(picture) = picture else {
            return Err(unreadable(if sound.is_some() {
                "there is sound in it, and no picture"
            } else {
                "matches no streams"
            }));
        };
        let (Some(codec), Some(width @ 1..), Some(height @ 1..)) = (&picture.codec_name, picture.width, picture.height) else {
            return Err(unreadable("decoder not found"));
        };
        let (across, up) = ratio(picture.sample_aspect_ratio.as_deref(), ':').unwrap_or((1, 1));
        let shown = (f64::from(width) * f64::from(across) / f64::from(up)).round().clamp(1.0, f64::from(u16::MAX));
        let rotation = picture.side_data_list.iter().find_map(|data| data.rotation).unwrap_or(0.0);
        let sideways = (rotation.rem_euclid(180.0) - 90.0).abs() < 45.0;
        let (width, height) = if sideways { (height, shown as u32) } else { (shown as u32, height) };
        let known = |stream: &Stream| {
            let rate = stream.sample_rate.as_deref().and_then(|rate| rate.parse::<u32>().ok());
            stream.codec_name.is_some() && rate.is_some_and(|rate| rate > 0)
        };
        let duration = [&self.format.duration, &picture.duration].into_iter().find_map(|text| duration(text.as_deref()?));
        Ok(Clip {
            width,
            height,
            stretched: across != up,
            rate: rate(picture.r_frame_rate.as_deref()),
            codec: codec.clone(),
            sound: sound.is_some_and(known),
            duration,
        })
    }
}

fn duration(text: &str) -> Option<Duration> {
    let duration = Duration::try_from_secs_f64(text.parse().ok()?).ok()?;
    (duration > Duration::ZERO && duration <= LONGEST).then_some(duration)
}

fn ratio(text: Option<&str>, between: char) -> Option<(u32, u32)> {
    let (above, below) = text?.split_once(between)?;
    let ratio = (above.parse().ok()?, below.parse().ok()?);
    (ratio.0 > 0 && ratio.1 > 0).then_some(ratio)
}

/// The most pictures in a second that a rendition has.
const MOST: f64 = 30.5;

/// The rate to show a video at: its own, or each second, fourth, … picture of a faster one. A recording of varying rate says that
/// it has a picture in every tick of its clock; it is shown at 30.
fn rate(text: Option<&str>) -> (u32, u32) {
    let Some((above, mut below)) = ratio(text, '/') else { return (30, 1) };
    for _ in 0..4 {
        if f64::from(above) / f64::from(below) <= MOST {
            return (above, below);
        }
        below = below.saturating_mul(2);
    }
    (30, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(json: &str) -> Result<Clip, Failure> {
        serde_json::from_str::<Report>(json).unwrap().clip()
    }

    #[test]
    fn a_video_is_as_it_is_shown() {
        let shown = |own: &str| {
            let stream =
                format!(r#"{{"streams":[{{"codec_type":"video","codec_name":"h264","width":720,"height":576{own}}}]}}"#);
            clip(&stream).map(|clip| (clip.width, clip.height, clip.stretched)).unwrap()
        };
        assert_eq!(shown(""), (720, 576, false));
        assert_eq!(shown(r#","sample_aspect_ratio":"16:11""#), (1047, 576, true));
        assert_eq!(shown(r#","sample_aspect_ratio":"0:1""#), (720, 576, false));
        assert_eq!(shown(r#","side_data_list":[{},{"rotation":-90}]"#), (576, 720, false));
        assert_eq!(shown(r#","side_data_list":[{"rotation":180}]"#), (720, 576, false));
        assert_eq!(shown(r#","sample_aspect_ratio":"4294967295:1""#), (65535, 576, true));
    }

    #[test]
    fn pictures_in_a_second() {
        for (told, taken) in [
            ("25/1", (25, 1)),
            ("30000/1001", (30000, 1001)),
            ("60000/1001", (60000, 2002)),
            ("50/1", (50, 2)),
            ("240/1", (240, 8)),
            ("1/10", (1, 10)),
            ("1000/1", (30, 1)),
            ("90000/1", (30, 1)),
            ("0/0", (30, 1)),
            ("none", (30, 1)),
        ] {
            assert_eq!(rate(Some(told)), taken, "{told}");
        }
    }

    #[test]
    fn what_holds_no_picture_is_no_video() {
        let sound = r#"{"codec_type":"audio","codec_name":"aac","sample_rate":"44100"}"#;
        let cover = r#"{"codec_type":"video","codec_name":"mjpeg","width":9,"height":9,"disposition":{"attached_pic":1}}"#;
        for (streams, told) in [
            (String::new(), "no picture"),
            (sound.to_owned(), "sound in it, and no picture"),
            (format!("{sound},{cover}"), "sound in it, and no picture"),
            (r#"{"codec_type":"video","width":9,"height":9}"#.to_owned(), "codec is not known"),
            (r#"{"codec_type":"video","codec_name":"h264","width":0,"height":9}"#.to_owned(), "codec is not known"),
        ] {
            let failure = clip(&format!(r#"{{"streams":[{streams}]}}"#)).unwrap_err();
            assert!(failure.message.contains(told), "{}", failure.message);
        }
        assert!(clip("{}").is_err());
    }

    #[test]
    fn lengths_that_cannot_be_are_not_known() {
        for (told, known) in
            [("2.5", true), ("N/A", false), ("0.000000", false), ("-3", false), ("1e300", false), ("9999999", false)]
        {
            assert_eq!(duration(told).is_some(), known, "{told}");
        }
    }
}
