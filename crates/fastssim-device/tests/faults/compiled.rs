//! What compiled kernels do wrong.

use fastssim_device::emulator::{Access, FaultKind, Ptx};

use super::{fault_of, race};

/// An entry point with this body, which is told nothing, run as the kernel.
fn fault_in_ptx(body: &str) -> (u32, FaultKind) {
    let text = format!(".visible .entry k()\n{{\nmov.u32 %r0, %tid.x;\n{body}\nret;\n}}");
    let module = Ptx::parse(&text).expect("known instructions");
    let entry = module.entry("k").expect("it is there");
    // SAFETY: nothing has no padding.
    fault_of(|| unsafe { entry.run(&()) })
}

/// As many barriers on each way, but not the same ones: a GPU hangs.
#[test]
fn a_barrier_in_each_branch() {
    let (thread, kind) = fault_in_ptx(
        "setp.lt.u32 %p0, %r0, 40;
        @%p0 bra $L0;
        bar.sync 0;
        bra.uni $L1;
        $L0:
        bar.sync 0;
        $L1:",
    );
    let FaultKind::Panic { message } = kind else {
        panic!("{kind}");
    };
    assert!((32..64).contains(&thread), "{thread}");
    let lines = ["line 9", "line 6"].map(|line| message.contains(line));
    assert!(
        message.starts_with("is at a barrier of line ") && lines == [true; 2],
        "{message}"
    );
}

/// Whole warps may come to barriers at different places.
#[test]
fn a_branch_of_a_whole_warp_is_allowed() {
    let (_, kind) = fault_in_ptx(
        "setp.lt.u32 %p0, %r0, 32;
        @%p0 bra $L0;
        bar.sync 0;
        bra.uni $L1;
        $L0:
        bar.sync 0;
        $L1:
        st.global.u32 [0], %r0;",
    );
    assert!(matches!(kind, FaultKind::NoBuffer { address: 0, .. }), "{kind}");
}

#[test]
fn a_shuffle_of_some_lanes() {
    let (_, kind) = fault_in_ptx(
        "setp.lt.u32 %p0, %r0, 40;
        @%p0 shfl.sync.idx.b32 %r1, %r0, 0, 31, -1;",
    );
    assert!(matches!(kind, FaultKind::Divergence { .. }), "{kind}");
}

#[test]
fn a_race_and_a_read_of_nothing() {
    let (thread, kind) = fault_in_ptx("st.shared.u32 [fastssim_shared+8], %r0;");
    assert_eq!((thread, kind), (1, race(8, Access::Write, 0, Access::Write)));
    let (thread, kind) = fault_in_ptx("ld.shared.v2.u32 {%r1, %r2}, [fastssim_shared+16];");
    assert_eq!((thread, kind), (0, FaultKind::Uninitialized { address: 16 }));
}

/// Zeros, as no byte is to be read; with a wait, the thread may read what it has copied.
#[test]
fn a_copy_that_has_not_landed() {
    let copy = "shl.b32 %r1, %r0, 4;
        cp.async.ca.shared.global [%r1], [0], 16, 0;
        cp.async.commit_group;";
    let read = "ld.shared.u32 %r2, [%r1+4];
        setp.eq.u32 %p0, %r2, 0;
        @%p0 st.global.u32 [0], %r2;";
    let (_, kind) = fault_in_ptx(&[copy, read].concat());
    let FaultKind::CopyNotWaited { access, .. } = kind else {
        panic!("{kind}");
    };
    assert_eq!(access, Access::Read);
    for (wait, is_enough) in [("cp.async.wait_group 0;", true), ("cp.async.wait_group 1;", false)] {
        let (_, kind) = fault_in_ptx(&[copy, wait, read].concat());
        assert_eq!(
            matches!(kind, FaultKind::NoBuffer { address: 0, .. }),
            is_enough,
            "{kind}"
        );
    }
    let (_, kind) = fault_in_ptx("cp.async.ca.shared.global [0], [0], 16, 4;");
    assert!(matches!(kind, FaultKind::NoBuffer { address: 0, .. }), "{kind}");
}
