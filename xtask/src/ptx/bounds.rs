//! The bounds of launches, which the compiler has no attribute for: they tell the assembler how many registers a thread may
//! take.

use super::syntax::{Item, Kind};

/// A multiprocessor must have registers for 512 threads of a march, as the library's geometry counts on: two blocks of the
/// largest size.
const MARCH: &str = ".maxntid 256, 1, 1\n.minnctapersm 2\n";
/// Patches of batches wait for memory and for barriers less where a multiprocessor has several.
const PATCH: &str = ".maxntid 256, 1, 1\n.minnctapersm 4\n";
/// Those of gradients have more to keep.
const PATCH_BACK: &str = ".maxntid 256, 1, 1\n.minnctapersm 3\n";
/// Twelve warps, with registers that spill nothing. One gradient with pixels beyond the edges takes 199 µs so, and with 128 registers
/// 226, spilling 40 bytes.
const BOTH: &str = ".maxntid 128, 1, 1\n.minnctapersm 3\n";
/// As many, in blocks of up to 192 threads.
const WIDE: &str = ".maxntid 192, 1, 1\n.minnctapersm 2\n";
/// Eight warps, with registers for the unfinished sums of four maps.
const EIGHT: &str = ".maxntid 128, 1, 1\n.minnctapersm 2\n";
/// Twelve warps, which are blocks, of a kernel as need not spill for it.
const TWELVE: &str = ".maxntid 32, 1, 1\n.minnctapersm 12\n";
/// The kernels that have bounds, by how their names begin; the first counts.
const BOUNDS: [(&str, &str); 21] = [
    ("score", MARCH),
    ("map", MARCH),
    ("gradients", BOTH),
    ("gradient", MARCH),
    ("continued_gradient", BOTH),
    ("patch_gradient", PATCH_BACK),
    ("patch_", PATCH),
    ("wide_patch_gradient", PATCH_BACK),
    ("wide_score", MARCH),
    ("wide_map", MARCH),
    ("continued_wide_gradient", WIDE),
    ("wide_gradient_13", MARCH),
    ("wide_gradient_15", MARCH),
    ("wide_gradient", WIDE),
    ("wide_derivatives", MARCH),
    ("wide_adjoints", EIGHT),
    ("wide_adjoint", WIDE),
    ("general_windows_f32", MARCH),
    ("general_derivatives_f32", MARCH),
    ("general_adjoint_f64", TWELVE),
    ("general_adjoint", MARCH),
];

/// Gives a kernel its bounds, if it has any.
pub fn bound(item: &mut Item) {
    // Those with pixels beyond the edges have the bounds of those with zeros, if they have none of their own.
    let zeros = item.name.strip_prefix("continued_").unwrap_or(&item.name);
    let of = |kernel: &str| BOUNDS.iter().find(|(name, _)| kernel.starts_with(name));
    let bounds = of(&item.name).or_else(|| of(zeros));
    if item.kind == Kind::Entry
        && let (Some((_, bounds)), Some(body)) = (bounds, item.text.find('{'))
    {
        item.text.insert_str(body, bounds);
    }
}

#[cfg(test)]
mod tests {
    use super::super::syntax::parse;
    use super::bound;

    #[test]
    fn only_some_kernels_have_bounds() {
        let text = ".version 7.0\n.entry gradient(.param .b64 p)\n{ ret; }\n.entry k()\n{ ret; }\n.entry continued_map()\n{ ret; }\n";
        let mut module = parse(text).expect("valid text");
        module.items.iter_mut().for_each(bound);
        let expected = ".entry gradient(.param .b64 p)\n.maxntid 256, 1, 1\n.minnctapersm 2\n{ ret; }";
        assert_eq!(module.items[0].text, expected);
        assert_eq!(module.items[1].text, ".entry k()\n{ ret; }");
        let expected = ".entry continued_map()\n.maxntid 256, 1, 1\n.minnctapersm 2\n{ ret; }";
        assert_eq!(module.items[2].text, expected);
    }
}
