//! SSIM written for clarity, in double precision, to compare the command's numbers with.

/// Rounding in single precision.
pub const TOLERANCE: f64 = 3e-7;

/// A question to the oracle: window, sigma, dynamic range, and whether padding is valid.
pub struct Oracle {
    pub window: usize,
    pub sigma: f64,
    pub range: f64,
    pub valid: bool,
}

impl Oracle {
    /// The defaults for samples of 8 bits.
    pub const DEFAULT: Self = Self {
        window: 11,
        sigma: 1.5,
        range: 255.0,
        valid: false,
    };

    /// The SSIM of one channel of `width` columns.
    pub fn ssim(&self, x: &[f64], y: &[f64], width: usize) -> f64 {
        let map = self.map(x, y, width);
        map.iter().sum::<f64>() / map.len() as f64
    }

    /// The SSIM of each window.
    pub fn map(&self, x: &[f64], y: &[f64], width: usize) -> Vec<f64> {
        let height = x.len() / width;
        let margin = if self.valid { self.window / 2 } else { 0 };
        let centres = (margin..height - margin).flat_map(|row| (margin..width - margin).map(move |col| (row, col)));
        centres
            .map(|(row, col)| self.at(x, y, [height, width], [row, col]))
            .collect()
    }

    fn at(&self, x: &[f64], y: &[f64], [height, width]: [usize; 2], [row, col]: [usize; 2]) -> f64 {
        let radius = self.window as isize / 2;
        let (mut total, mut sums) = (0.0, [0.0; 5]);
        for i in -radius..=radius {
            for j in -radius..=radius {
                let weight = (-((i * i + j * j) as f64) / (2.0 * self.sigma * self.sigma)).exp();
                total += weight;
                let (row, col) = (row as isize + i, col as isize + j);
                if (0..height as isize).contains(&row) && (0..width as isize).contains(&col) {
                    let at = row as usize * width + col as usize;
                    let (x, y) = (x[at], y[at]);
                    for (sum, value) in sums.iter_mut().zip([x, y, x * x, y * y, x * y]) {
                        *sum += weight * value;
                    }
                }
            }
        }
        let [mx, my, xx, yy, xy] = sums.map(|sum| sum / total);
        let (c1, c2) = ((0.01 * self.range).powi(2), (0.03 * self.range).powi(2));
        let (vx, vy, cov) = (xx - mx * mx, yy - my * my, xy - mx * my);
        (2.0 * mx * my + c1) * (2.0 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    }
}

#[track_caller]
pub fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < TOLERANCE, "{found} instead of {expected}");
}

#[test]
fn the_oracle_knows_the_known_numbers() {
    let ramp: Vec<f64> = (0..256).map(|i| f64::from(i % 16 * 16)).collect();
    let mirrored: Vec<f64> = (0..256).map(|i| f64::from(240 - i % 16 * 16)).collect();
    let valid = Oracle {
        valid: true,
        ..Oracle::DEFAULT
    };
    assert!((Oracle::DEFAULT.ssim(&ramp, &mirrored, 16) + 0.1602466777743).abs() < 1e-12);
    assert!((valid.ssim(&ramp, &mirrored, 16) + 0.8170395324781).abs() < 1e-12);
}
