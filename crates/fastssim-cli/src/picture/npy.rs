//! Arrays of NumPy (`.npy`): u8, u16, f32 and f64 of two or three dimensions.

use std::io::{Cursor, Read};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::{Array3, ArrayD, Axis, IxDyn, ShapeBuilder};
use ndarray_npy::npy::header::{Header, Layout};
use ndarray_npy::{ReadDataError, ReadableElement};

use super::Samples;

/// What such files begin with.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header that is read, in bytes; NumPy's have 118 for any array that can be a picture.
const LONGEST_HEADER: usize = 4096;

/// The most channels that an array of three dimensions can have.
const MOST_CHANNELS: usize = 4;

/// Reads an array as (channels, height, width), of no more bytes than `limit`.
pub fn read(mut reader: impl Read, limit: u64) -> Result<Samples> {
    let header = read_header(&mut reader)?;
    let kind = header.type_descriptor.to_string();
    match kind.trim_matches('\'') {
        "|u1" => Ok(Samples::U8(elements(&header, reader, limit)?)),
        "<u2" | ">u2" => Ok(Samples::U16(elements(&header, reader, limit)?)),
        "<f4" | ">f4" => Ok(Samples::F32(elements(&header, reader, limit)?)),
        "<f8" | ">f8" => Ok(Samples::F64(elements(&header, reader, limit)?)),
        other => bail!("an array of {other}: it must be of u8 (|u1), u16 (<u2), f32 (<f4) or f64 (<f8)"),
    }
}

/// The header, once it is known to be no trap for its parser: neither long nor nested.
fn read_header(reader: &mut impl Read) -> Result<Header> {
    let cut = || anyhow!("unexpected end of file");
    let mut start = [0; 8];
    reader.read_exact(&mut start).map_err(|_| cut())?;
    // From version 2 on the length has four bytes instead of two.
    let width = if start[6] == 1 { 2 } else { 4 };
    let mut length = [0; 4];
    reader.read_exact(&mut length[..width]).map_err(|_| cut())?;
    let count = u32::from_le_bytes(length) as usize;
    ensure!(
        count <= LONGEST_HEADER,
        "a header of {count} bytes: it is not that of a picture"
    );
    let mut text = vec![0; count];
    reader.read_exact(&mut text).map_err(|_| cut())?;
    let brackets = text.iter().filter(|byte| b"([{".contains(byte)).count();
    ensure!(brackets <= 8, "the header is not that of a plain array");
    let whole = [&start, &length[..width], &text].concat();
    Header::from_reader(&mut Cursor::new(whole)).map_err(|error| anyhow!("{error}"))
}

fn elements<T: ReadableElement>(header: &Header, reader: impl Read, limit: u64) -> Result<Array3<T>> {
    let bytes = header
        .shape
        .iter()
        .try_fold(size_of::<T>() as u64, |bytes, &extent| bytes.checked_mul(extent as u64));
    ensure!(
        bytes.is_some_and(|bytes| bytes <= limit),
        super::decode::too_large(limit)
    );
    let count = header.shape.iter().product();
    ensure!(count > 0, "an array of shape {:?} has no pixel", header.shape);
    let values = T::read_to_end_exact_vec(reader, &header.type_descriptor, count).map_err(|error| match error {
        ReadDataError::MissingData => anyhow!("unexpected end of file"),
        other => anyhow!("{other}"),
    })?;
    let shape = IxDyn(&header.shape).set_f(matches!(header.layout, Layout::Fortran));
    channels_first(ArrayD::from_shape_vec(shape, values).context("the shape")?)
}

/// (height, width) is one channel. Of three dimensions the last is the channels if it has at most four, as files
/// have it; else the first, as frameworks have it, if that has at most four.
fn channels_first<T>(array: ArrayD<T>) -> Result<Array3<T>> {
    let shape = array.shape().to_vec();
    Ok(match *shape {
        [_, _] => array.insert_axis(Axis(0)).into_dimensionality()?,
        [_, _, last] if last <= MOST_CHANNELS => array.into_dimensionality()?.permuted_axes([2, 0, 1]),
        [first, _, _] if first <= MOST_CHANNELS => array.into_dimensionality()?,
        _ => bail!(
            "an array of shape {shape:?}: it must be (height, width), (height, width, channels) or \
             (channels, height, width) with 1 to {MOST_CHANNELS} channels"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_last_or_else_first() {
        let shape = |shape: &[usize]| channels_first(ArrayD::<u8>::zeros(shape)).map(|array| array.dim());
        assert_eq!(shape(&[5, 6]).unwrap(), (1, 5, 6));
        assert_eq!(shape(&[5, 6, 3]).unwrap(), (3, 5, 6));
        assert_eq!(shape(&[3, 5, 6]).unwrap(), (3, 5, 6));
        assert_eq!(shape(&[3, 5, 4]).unwrap(), (4, 3, 5), "either is possible");
        for wrong in [&[5][..], &[5, 6, 7], &[1, 3, 5, 6], &[]] {
            assert!(shape(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_header_is_no_trap() {
        let file = |header: &str| {
            let length = (header.len() as u16).to_le_bytes();
            [MAGIC, &[1, 0], &length, header.as_bytes()].concat()
        };
        let error = |header: &str| match read(&file(header)[..], 1 << 20) {
            Ok(_) => panic!("{header}"),
            Err(error) => error.to_string(),
        };
        assert!(error(&"(".repeat(60_000)).contains("header"));
        assert!(error(&"(".repeat(4000)).contains("header"));
        let array = |shape: &str| format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
        let huge = error(&array("(9999999999, 9999999999, 9999999999)"));
        assert!(huge.contains("too large"), "{huge}");
        assert!(error(&array("(2000, 2000)")).contains("too large"));
        assert!(error(&array("(1000, 0)")).contains("no pixel"));
        assert!(error(&array("(10, 10)")).contains("end of file"));
        let whole = [file(&array("(2, 3)")), vec![7; 6]].concat();
        assert_eq!(read(&whole[..], 6).unwrap().dim(), (1, 2, 3));
        assert!(read(&whole[..17], 6).is_err());
    }
}
