//! Pictures that are small as files and would fill the memory when opened.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use samewire_protocol::Code;

use super::*;

/// PNG's check sum (RFC 2083, section 3.4).
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let named = [&name[..], content].concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length[..], &named, &crc(&named).to_be_bytes()].concat()
}

/// A grey PNG of so many bits a pixel, all zero, and what goes before the pixels.
fn png(width: u32, height: u32, bits: u8, more: &[u8], content: &[u8]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[bits, 0, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n", &chunk(b"IHDR", &header)[..], more, &chunk(b"IDAT", content), &chunk(b"IEND", b"")].concat()
}

fn zeros(count: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![0; 1 << 20];
    let mut left = count;
    while left > 0 {
        let written = left.min(zeros.len());
        encoder.write_all(&zeros[..written]).unwrap();
        left -= written;
    }
    encoder.finish().unwrap()
}

async fn refused(bytes: Vec<u8>) {
    let trial = Trial::new();
    let processor = ImageProcessor::new(&crate::config::Image::default());
    let before = peak();
    let result = trial.process(&processor, &trial.written(&bytes)).await;
    let failure = result.expect_err("a bomb was opened");
    assert_eq!((&failure.code, failure.retryable), (&Code::BadMedia, false), "{failure}");
    let grown = peak() - before;
    assert!(grown < 128 << 20, "the memory grew by {} MiB", grown >> 20);
}

/// The most memory that this process has had in use, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn a_few_bytes_that_claim_a_field_of_pixels() {
    refused(png(60_000, 60_000, 8, b"", &zeros(100))).await;
    refused(png(u32::MAX >> 1, u32::MAX >> 1, 8, b"", &zeros(100))).await;
    let gif = [
        &b"GIF89a"[..],
        &60_000_u16.to_le_bytes(),
        &60_000_u16.to_le_bytes(),
        b"\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
    ];
    refused(gif.concat()).await;
    let webp = [&b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0"[..], &[0x5f, 0xea, 0x00, 0x5f, 0xea, 0x00], b"VP8 \0\0\0\0"];
    refused(webp.concat()).await;
    // The frame header of a JPEG (ITU-T T.81, B.2.2), and nothing behind it.
    let jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03\x01\x11\0\x02\x11\0\x03\x11\0\xff\xda\0\x0c\x03\x01\0\x02\0\x03\0\0\x3f\0";
    refused(jpeg.to_vec()).await;
}

#[tokio::test]
async fn a_field_of_pixels_that_is_really_there() {
    let (side, row) = (30_000, 1 + 30_000 / 8);
    let bytes = png(side, side, 1, b"", &zeros(row * side as usize));
    assert!(bytes.len() < 1 << 20, "{} bytes", bytes.len());
    refused(bytes).await;
}

#[tokio::test]
async fn notes_beside_the_pixels_are_not_unpacked() {
    // 256 MiB of zeros as a comment, and as a colour profile, of a picture of one pixel.
    let zeros_of_notes = zeros(256 << 20);
    let comment = chunk(b"zTXt", &[b"Comment\0\0", &zeros_of_notes[..]].concat());
    let profile = chunk(b"iCCP", &[b"icc\0\0", &zeros_of_notes[..]].concat());
    let before = peak();
    let trial = Trial::new();
    let processor = ImageProcessor::new(&crate::config::Image::default());
    for notes in [comment, profile] {
        let bytes = png(1, 1, 8, &notes, &zeros(2));
        // The picture itself is fine, so either answer is.
        if let Err(failure) = trial.process(&processor, &trial.written(&bytes)).await {
            assert_eq!(failure.code, Code::BadMedia, "{failure}");
        }
    }
    let grown = peak() - before;
    assert!(grown < 128 << 20, "the memory grew by {} MiB", grown >> 20);
}
