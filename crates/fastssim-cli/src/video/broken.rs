//! A test: videos that were damaged at random are read to their end or to an error, and no frame takes more memory than
//! the file has bytes.

use proptest::prop_assert;

use super::y4m::{Reader, Samples};
use crate::damage;

/// Videos of two frames: their headers, and the bytes of a frame.
const VIDEOS: [(&str, usize); 4] = [
    ("YUV4MPEG2 W6 H4 F25:1 Ip A1:1 C420jpeg", 36),
    ("YUV4MPEG2 W6 H4 F30000:1001 Ip A0:0 C422p10 XYSCSS=422P10", 96),
    ("YUV4MPEG2 W6 H4 C444 XCOLORRANGE=FULL", 72),
    ("YUV4MPEG2 W6 H4 Cmono16", 48),
];

fn file((header, bytes): (&str, usize)) -> Vec<u8> {
    let frame = [&b"FRAME\n"[..], &vec![1; bytes]].concat();
    [header.as_bytes(), b"\n", &frame, &frame].concat()
}

/// How many frames there are, and the largest number of samples of one; or why they cannot be read.
fn read(file: &[u8]) -> anyhow::Result<[usize; 2]> {
    let mut reader = Reader::new(file)?;
    let (mut samples, mut frames, mut most) = (Samples::default(), 0, 0);
    while reader.read(&mut samples)? {
        frames += 1;
        most = most.max(match &samples {
            Samples::U8(samples) => samples.len(),
            Samples::U16(samples) => samples.len(),
        });
    }
    Ok([frames, most])
}

#[test]
fn whole_videos_are_read() {
    for (video, samples) in VIDEOS.into_iter().zip([36, 48, 72, 24]) {
        assert_eq!(read(&file(video)).unwrap(), [2, samples], "{}", video.0);
    }
}

#[test]
fn broken_videos_are_read_or_errors() {
    damage::test(VIDEOS.len(), 4000, |at, damage| {
        let mut file = file(VIDEOS[at]);
        for damage in damage {
            damage.apply(&mut file);
        }
        let mut result = None;
        let memory = allocation_counter::measure(|| result = Some(read(&file)));
        // Lines of headers are short, and texts of errors hold no more.
        prop_assert!(
            memory.bytes_max < 8 * file.len() as u64 + (64 << 10),
            "{} bytes",
            memory.bytes_max
        );
        match result {
            Some(Ok([frames, most])) => prop_assert!(frames * most <= file.len()),
            Some(Err(error)) => {
                let text = format!("{error:#}");
                prop_assert!(!text.is_empty() && text.len() < 1000, "{text}");
            }
            None => prop_assert!(false),
        }
        Ok(())
    });
}
