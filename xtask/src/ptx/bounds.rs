//! The bounds of launches, which the compiler has no attribute for: they tell the assembler how many registers a thread may
//! take.

use super::syntax::{Item, Kind};

/// How the names of kernels that have bounds begin.
const BOUND: [&str; 3] = ["score_", "map_", "gradient_"];
/// A multiprocessor must have registers for 512 threads, as the library's geometry counts on: two blocks of the largest size.
const BOUNDS: &str = ".maxntid 256, 1, 1\n.minnctapersm 2\n";

/// Gives a kernel its bounds, if it has any.
pub fn bound(item: &mut Item) {
    let is_bound = item.kind == Kind::Entry && BOUND.iter().any(|name| item.name.starts_with(name));
    if is_bound && let Some(body) = item.text.find('{') {
        item.text.insert_str(body, BOUNDS);
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
        let expected = ".entry gradient_k(.param .b64 p)\n.maxntid 256, 1, 1\n.minnctapersm 2\n{ ret; }";
        assert_eq!(module.items[0].text, expected);
        assert_eq!(module.items[1].text, ".entry k()\n{ ret; }");
    }
}
