//! Thumbnails of pictures.

use std::io::Cursor;

use ::image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use samewire_protocol::Code;
use serde_json::json;

use super::super::image::AT_ONCE;
use super::*;

fn images() -> ImageProcessor {
    ImageProcessor::new(&crate::config::Image::default())
}

/// Red at the left, blue at the right.
fn picture(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([220, 0, 0]) } else { Rgb([0, 0, 220]) }).into()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

async fn thumbnail(bytes: impl AsRef<[u8]>) -> Result<(NewPart, DynamicImage), Failure> {
    let trial = Trial::new();
    let parts = trial.process(&images(), &trial.written(bytes)).await?;
    let part = part(&parts, "thumbnail").clone();
    let format = ImageFormat::from_mime_type(&part.media).unwrap();
    let opened = ::image::load_from_memory_with_format(&std::fs::read(&part.path).unwrap(), format).unwrap();
    assert_eq!((part.width, part.height), (Some(opened.width()), Some(opened.height())));
    Ok((part, opened))
}

#[tokio::test]
async fn each_format_gets_a_small_one() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
        let (part, small) = thumbnail(encoded(&picture(1000, 500), format)).await.unwrap();
        assert_eq!((small.width(), small.height(), part.media.as_str()), (320, 160, "image/jpeg"), "{format:?}");
        assert_eq!(part.extra.unwrap()["source"], json!({ "width": 1000, "height": 500 }));
        let small = small.to_rgb8();
        assert!(small.get_pixel(10, 80).0[0] > 150 && small.get_pixel(310, 80).0[2] > 150, "{format:?}");
    }
}

#[tokio::test]
async fn a_small_one_stays_as_it_is_and_one_can_still_see_through_it() {
    let (_, small) = thumbnail(encoded(&picture(20, 10), ImageFormat::Png)).await.unwrap();
    assert_eq!((small.width(), small.height()), (20, 10));
    let glass: DynamicImage = RgbaImage::from_fn(640, 640, |x, _| Rgba([0, 200, 0, if x < 320 { 0 } else { 255 }])).into();
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let (part, small) = thumbnail(encoded(&glass, format)).await.unwrap();
        assert_eq!(part.media, "image/png");
        let small = small.to_rgba8();
        assert_eq!((small.get_pixel(10, 10).0[3], small.get_pixel(310, 10).0[3]), (0, 255));
    }
    // An alpha channel that hides nothing.
    let opaque: DynamicImage = RgbaImage::from_pixel(640, 640, Rgba([9, 9, 9, 255])).into();
    assert_eq!(thumbnail(encoded(&opaque, ImageFormat::Png)).await.unwrap().0.media, "image/jpeg");
}

/// A JPEG with an EXIF block that says how the camera was held (CIPA DC-008, tag 0x0112).
fn held(orientation: u8) -> Vec<u8> {
    let plain = encoded(&picture(600, 300), ImageFormat::Jpeg);
    let exif = [b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", &[orientation, 0, 0, 0][..], &[0; 4]].concat();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&plain[..2], b"\xff\xe1", &length, &exif, &plain[2..]].concat()
}

#[tokio::test]
async fn a_picture_is_turned_as_the_camera_was_held() {
    let (part, small) = thumbnail(held(6)).await.unwrap();
    assert_eq!((small.width(), small.height()), (160, 320));
    assert_eq!(part.extra.unwrap()["source"], json!({ "width": 300, "height": 600 }));
    let small = small.to_rgb8();
    // What was at the left is at the top.
    assert!(small.get_pixel(80, 10).0[0] > 150 && small.get_pixel(80, 310).0[2] > 150);
    let (_, small) = thumbnail(held(3)).await.unwrap();
    assert!(small.to_rgb8().get_pixel(10, 80).0[2] > 150, "upside down");
}

#[tokio::test]
async fn what_is_no_picture_is_told_so() {
    let jpeg = encoded(&picture(1000, 500), ImageFormat::Jpeg);
    let png = encoded(&picture(1000, 500), ImageFormat::Png);
    for (bytes, told) in [
        (Vec::new(), "it is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec(), "something else"),
        (b"text".to_vec(), "something else"),
        (vec![0; 1000], "no format that is known"),
        (jpeg[..20].to_vec(), "not a picture that can be read"),
        (png[..png.len() / 2].to_vec(), "not a picture that can be read"),
        (b"GIF89a".to_vec(), "not a picture that can be read"),
        (b"RIFF\xff\xff\xff\xffWEBPVP8X".to_vec(), "not a picture that can be read"),
    ] {
        let failure = thumbnail(&bytes).await.expect_err(told);
        assert_eq!((&failure.code, failure.retryable), (&Code::BadMedia, false), "{failure}");
        assert!(failure.message.contains(told), "{failure}");
    }
    // Of a JPEG that was cut off there may be a picture, with its lower part grey, or none; never a crash.
    if let Err(failure) = thumbnail(&jpeg[..jpeg.len() / 2]).await {
        assert_eq!(failure.code, Code::BadMedia, "{failure}");
    }
}

/// A picture takes much memory until its decoder is done, and that does not hear that nobody waits for it.
#[tokio::test]
async fn a_picture_that_was_given_up_keeps_its_place_until_it_is_closed() {
    let (trial, processor) = (Trial::new(), images());
    let source = trial.written(encoded(&picture(5_000, 4_000), ImageFormat::Png));
    let taken = async {
        while processor.places.available_permits() == AT_ONCE {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        made = trial.process(&processor, &source) => panic!("sooner than it was looked at: {made:?}"),
        () = taken => {}
    }
    assert!(processor.places.available_permits() < AT_ONCE);
    drop(processor.places.acquire_many(AT_ONCE as u32).await.expect("it is closed in the end"));
}
