//! Renditions, posters and strips of videos of every shape.

use serde_json::{Value, json};

use super::*;
use crate::media::ffmpeg::Ffmpeg;
use crate::media::probe::{measure, probe};
use crate::media::transcode::transcode;

const PICTURE: &str = "-f lavfi -i testsrc2=s=640x360:r=25:d=4";
const SOUND: &str = "-f lavfi -i sine=d=4";
const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
const VP8: &str = "-c:v libvpx -deadline realtime -cpu-used 8";

/// What ffprobe says of a file when it is left to guess everything, as a player is.
fn seen(path: &Path) -> Value {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json"]).arg(path);
    let output = ffprobe.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

struct Made {
    parts: Vec<NewPart>,
    seen: Value,
}

impl Made {
    fn stream(&self, kind: &str) -> Option<&Value> {
        self.seen["streams"].as_array().unwrap().iter().find(|stream| stream["codec_type"] == kind)
    }

    fn extra(&self, name: &str) -> Value {
        Value::Object(part(&self.parts, name).extra.clone().unwrap())
    }

    fn seconds(&self) -> f64 {
        part(&self.parts, "video").duration.unwrap() as f64 / 1000.0
    }

    /// What holds for every rendition.
    fn check(&self, (width, height): (u32, u32)) {
        let picture = self.stream("video").unwrap();
        for (key, value) in [
            ("codec_name", json!("h264")),
            ("pix_fmt", json!("yuv420p")),
            ("width", json!(width)),
            ("height", json!(height)),
            ("sample_aspect_ratio", json!("1:1")),
        ] {
            assert_eq!(picture[key], value, "{key}");
        }
        assert!(picture.get("side_data_list").is_none(), "it is still to be turned");
        let (above, below) = picture["r_frame_rate"].as_str().unwrap().split_once('/').unwrap();
        assert!(above.parse::<f64>().unwrap() / below.parse::<f64>().unwrap() <= 30.5, "{above}/{below}");
        if let Some(sound) = self.stream("audio") {
            assert_eq!((sound["codec_name"].as_str(), sound["sample_rate"].as_str()), (Some("aac"), Some("48000")));
        }
        assert_eq!(self.extra("video")["sound"], self.stream("audio").is_some());

        let video = part(&self.parts, "video");
        assert_eq!((video.media.as_str(), video.width, video.height), ("video/mp4", Some(width), Some(height)));
        let bytes = std::fs::read(&video.path).unwrap();
        let place = |name: &[u8]| bytes.windows(4).position(|window| window == name).unwrap();
        assert!(place(b"moov") < place(b"mdat"), "the index comes last");

        let poster = ::image::open(&part(&self.parts, "poster").path).unwrap();
        assert_eq!((poster.width(), poster.height()), (width, height));
        let strip = part(&self.parts, "thumbnails");
        let extra = self.extra("thumbnails");
        let opened = ::image::open(&strip.path).unwrap();
        let number = |key: &str| u32::try_from(extra[key].as_u64().unwrap()).unwrap();
        assert_eq!((opened.width(), opened.height()), (number("columns") * number("width"), number("rows") * number("height")));
        assert_eq!((strip.width, strip.height), (Some(opened.width()), Some(opened.height())));
        let covered = number("every") * number("columns");
        assert!((f64::from(covered) / 1000.0 - self.seconds()).abs() < 0.2, "{covered} ms of {} s", self.seconds());
    }
}

async fn made(trial: &Trial, source: &Path) -> Made {
    let parts = trial.process(&videos().await, source).await.unwrap();
    let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["poster", "thumbnails", "video"]);
    let seen = seen(&part(&parts, "video").path);
    Made { parts, seen }
}

#[tokio::test]
async fn a_video_with_sound() {
    let trial = Trial::new();
    let source = trial.made(&format!("{PICTURE} {SOUND} {H264} -c:a aac -metadata location=+50.1+14.4/ -f mp4"));
    let made = made(&trial, &source).await;
    made.check((640, 360));
    assert!((made.seconds() - 4.0).abs() < 0.2, "{}", made.seconds());
    assert_eq!(made.stream("video").unwrap()["nb_read_frames"], "100");
    assert!(made.stream("audio").is_some());
    assert!(!made.seen["format"]["tags"].to_string().contains("50.1"), "it tells where it was: {}", made.seen["format"]);
    assert_eq!(made.extra("video")["source"], json!({ "width": 640, "height": 360, "codec": "h264" }));
    assert_eq!(made.extra("video")["incomplete"], false);
    let strip = made.extra("thumbnails");
    assert_eq!(
        (&strip["columns"], &strip["rows"], &strip["width"], &strip["height"]),
        (&json!(10), &json!(1), &json!(160), &json!(90))
    );
    // The picture moves, so no two thumbnails are alike.
    let picture = ::image::open(&part(&made.parts, "thumbnails").path).unwrap().to_luma8();
    let column = |index: u32| ::image::imageops::crop_imm(&picture, index * 160, 0, 160, 90).to_image().into_raw();
    for (first, second) in (0..9).zip(1..10) {
        let apart = column(first).iter().zip(column(second)).filter(|(one, other)| one.abs_diff(*other) > 40).count();
        assert!(apart > 20, "{first} and {second} are alike");
    }
}

#[tokio::test]
async fn a_large_and_fast_video_of_a_camera_becomes_smaller_and_slower() {
    let trial = Trial::new();
    let source = trial.made(&format!(
        "-f lavfi -i mandelbrot=s=1920x1080:r=60,noise=alls=20:allf=t -f lavfi -i anoisesrc=c=pink:d=1 -t 0.5 {H264} -c:a aac -f mov"
    ));
    let made = made(&trial, &source).await;
    made.check((1280, 720));
    let picture = made.stream("video").unwrap();
    assert_eq!((&picture["r_frame_rate"], &picture["nb_read_frames"]), (&json!("30/1"), &json!("15")));
}

#[tokio::test]
async fn a_recording_that_does_not_say_how_long_it_is() {
    let trial = Trial::new();
    let source = trial.made(&format!("{PICTURE} {SOUND} {VP8} -c:a libopus -f webm -live 1"));
    let (tools, work) = (tools().await, tempfile::tempdir().unwrap());
    let ffmpeg = Ffmpeg::new(&tools, work.path(), 2, &LIMITS, 1 << 20);
    assert_eq!(probe(&ffmpeg, "matroska", &source).await.unwrap().duration, None);
    let measured = measure(&ffmpeg, "matroska", &source).await.unwrap();
    assert!(measured.abs_diff(Duration::from_secs(4)) < Duration::from_millis(200), "{measured:?}");
    let made = made(&trial, &source).await;
    made.check((640, 360));
    assert!((made.seconds() - 4.0).abs() < 0.2, "{}", made.seconds());
}

#[tokio::test]
async fn progress_is_told_many_times_and_never_falls() {
    let trial = Trial::new();
    let source = trial.made(&format!("-f lavfi -i testsrc2=s=1280x720:r=30:d=10 {H264} -f mp4"));
    let (tools, work) = (tools().await, tempfile::tempdir().unwrap());
    let ffmpeg = Ffmpeg::new(&tools, work.path(), 1, &LIMITS, 1 << 20);
    let clip = probe(&ffmpeg, "mov", &source).await.unwrap();
    let mut told = Vec::new();
    transcode(&ffmpeg, "mov", &source, &clip, 720, |share| told.push(share)).await.unwrap();
    assert!(told.is_sorted(), "{told:?}");
    let between: std::collections::BTreeSet<u32> =
        told.iter().map(|share| (share * 1000.0) as u32).filter(|share| (1..1000).contains(share)).collect();
    assert!(between.len() >= 3, "{told:?}");
}

#[tokio::test]
async fn a_video_of_a_varying_rate() {
    let trial = Trial::new();
    let source = trial.made(&format!(
        "-f lavfi -i testsrc=s=320x240:r=30:d=4,select='lt(mod(n\\,10)\\,3)+eq(mod(n\\,7)\\,0)' -vsync vfr {VP8} -f webm"
    ));
    let made = made(&trial, &source).await;
    made.check((320, 240));
    assert!((made.seconds() - 4.0).abs() < 0.3, "{}", made.seconds());
}

#[tokio::test]
async fn a_video_that_is_to_be_turned() {
    let trial = Trial::new();
    let level = trial.made(&format!("{PICTURE} {H264} -f mp4"));
    let lying = trial.files.path().join("lying");
    std::fs::rename(level, &lying).unwrap();
    let source = trial.made(&format!("-i {} -c copy -metadata:s:v:0 rotate=90 -f mp4", lying.display()));
    made(&trial, &source).await.check((360, 640));
}

#[tokio::test]
async fn a_video_of_an_odd_size() {
    let trial = Trial::new();
    let source = trial.made(&format!("-f lavfi -i testsrc=s=321x241:r=25:d=1 {VP8} -f webm"));
    made(&trial, &source).await.check((320, 240));
}

#[tokio::test]
async fn a_video_whose_pixels_are_not_square() {
    let trial = Trial::new();
    let source = trial.made(&format!("-f lavfi -i testsrc2=s=720x576:r=25:d=1,setsar=16/11 {H264} -f mp4"));
    made(&trial, &source).await.check((1046, 576));
}

#[tokio::test]
async fn a_video_that_changes_its_size_on_the_way() {
    let trial = Trial::new();
    let piece = |size: &str, name: &str| {
        let path = trial.made(&format!("-f lavfi -i testsrc2=s={size}:r=25:d=1 {H264} -f mpegts"));
        let moved = trial.files.path().join(name);
        std::fs::rename(path, &moved).unwrap();
        std::fs::read(moved).unwrap()
    };
    let whole = [piece("640x360", "wide"), piece("360x640", "high")].concat();
    let made = made(&trial, &trial.written(whole)).await;
    made.check((640, 360));
}

#[tokio::test]
async fn a_video_without_sound_and_one_of_a_single_picture() {
    let trial = Trial::new();
    let silent = made(&trial, &trial.made(&format!("{PICTURE} {H264} -f matroska"))).await;
    silent.check((640, 360));
    assert!(silent.stream("audio").is_none());

    let trial = Trial::new();
    let single = made(&trial, &trial.made(&format!("{PICTURE} -frames:v 1 {H264} -f mp4"))).await;
    single.check((640, 360));
    assert_eq!(single.stream("video").unwrap()["nb_read_frames"], "1");
    assert_eq!(single.extra("thumbnails")["columns"], 1);
}

#[tokio::test]
async fn a_video_whose_picture_ends_before_its_sound() {
    let trial = Trial::new();
    let source = trial.made(&format!("-f lavfi -i testsrc2=s=320x240:r=25:d=1 -f lavfi -i sine=d=5 {H264} -c:a aac -f mp4"));
    let made = made(&trial, &source).await;
    assert!((made.seconds() - 5.0).abs() < 0.2, "{}", made.seconds());
    made.check((320, 240));
}

#[tokio::test]
async fn what_is_left_of_a_video_that_was_cut_off() {
    for format in ["mp4 -movflags +faststart", "webm"] {
        let trial = Trial::new();
        let codecs = if format == "webm" { format!("{VP8} -c:a libopus") } else { format!("{H264} -c:a aac") };
        let whole = std::fs::read(trial.made(&format!("{PICTURE} {SOUND} {codecs} -f {format}"))).unwrap();
        let made = made(&trial, &trial.written(&whole[..whole.len() / 2])).await;
        made.check((640, 360));
        assert!((1.0..3.5).contains(&made.seconds()), "{format}: {}", made.seconds());
        assert_eq!(made.extra("video")["incomplete"], true, "{format}");
    }
}
