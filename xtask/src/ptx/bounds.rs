//! The bounds of launches, which the compiler has no attribute for: they tell the assembler how many registers a thread may
//! take.

use super::syntax::{Item, Kind};

/// The largest block, and how many of them a multiprocessor must have registers for, of the kernels whose names begin so: 512
/// threads, and 384 of a gradient, as the library's geometry counts on.
const BOUNDS: [(&str, u32, u32); 3] = [("score_", 256, 2), ("map_", 256, 2), ("gradient_", 128, 3)];

/// Gives a kernel its bounds, if it has any.
pub fn bound(item: &mut Item) {
    let bounds = BOUNDS.iter().find(|(name, ..)| item.name.starts_with(name));
    if item.kind == Kind::Entry
        && let Some((_, threads, blocks)) = bounds
        && let Some(body) = item.text.find('{')
    {
        let text = format!(".maxntid {threads}, 1, 1\n.minnctapersm {blocks}\n");
        item.text.insert_str(body, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::syntax::parse;
    use super::bound;

    #[test]
    fn only_some_kernels_have_bounds() {
        let text = ".version 7.0\n.entry gradient_k(.param .b64 p)\n{ ret; }\n.entry k()\n{ ret; }\n";
        let mut module = parse(text).expect("valid text");
        module.items.iter_mut().for_each(bound);
        let expected = ".entry gradient_k(.param .b64 p)\n.maxntid 128, 1, 1\n.minnctapersm 3\n{ ret; }";
        assert_eq!(module.items[0].text, expected);
        assert_eq!(module.items[1].text, ".entry k()\n{ ret; }");
    }
}
