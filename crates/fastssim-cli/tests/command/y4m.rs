//! Videos that are made here, as y4m.

use crate::{Folder, noise};

/// A video of noise on a texture, made here: its name in the header, and the columns and rows of its planes.
#[derive(Clone)]
pub struct Video {
    format: &'static str,
    pub bits: u32,
    pub planes: Vec<[usize; 2]>,
    frames: usize,
    seed: u32,
}

impl Video {
    pub fn new(format: &'static str, bits: u32, planes: &[[usize; 2]]) -> Self {
        Self {
            format,
            bits,
            planes: planes.to_vec(),
            frames: 5,
            seed: 1,
        }
    }

    /// 4:2:0 of 8 bits, 46x35 pixels.
    pub fn small() -> Self {
        Self::new("420jpeg", 8, &[[46, 35], [23, 18], [23, 18]])
    }

    /// The same texture under other noise.
    pub fn distorted(&self) -> Self {
        Self {
            seed: 2,
            ..self.clone()
        }
    }

    pub fn frames(&self, frames: usize) -> Self {
        Self { frames, ..self.clone() }
    }

    /// The noise of a frame grows with its number, to a different degree in each plane.
    pub fn plane(&self, frame: usize, plane: usize) -> Vec<u16> {
        let [width, height] = self.planes[plane];
        let shift = self.bits - 8;
        let sample = |at: usize| {
            let texture = at % width * 5 + at / width * 3 + plane * 40 + frame * 11;
            let level = noise(self.seed + 10 * plane as u32 + 100 * frame as u32, at as u32);
            ((texture % 180) as u16 + (level % (9 + 12 * (frame as u32 % 5))) as u16 + 3 * plane as u16) << shift
        };
        (0..width * height).map(sample).collect()
    }

    pub fn bytes(&self) -> Vec<u8> {
        let [width, height] = self.planes[0];
        let mut bytes = format!("YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C{}\n", self.format).into_bytes();
        for frame in 0..self.frames {
            bytes.extend(b"FRAME\n");
            for plane in 0..self.planes.len() {
                for sample in self.plane(frame, plane) {
                    bytes.extend(&sample.to_le_bytes()[..if self.bits > 8 { 2 } else { 1 }]);
                }
            }
        }
        bytes
    }
}

/// A folder with the videos `a.y4m` and `b.y4m`.
pub fn folder(a: &Video, b: &Video) -> Folder {
    let folder = Folder::new();
    folder.write("a.y4m", a.bytes());
    folder.write("b.y4m", b.bytes());
    folder
}

pub fn small() -> Folder {
    folder(&Video::small(), &Video::small().distorted())
}
