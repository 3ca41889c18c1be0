//! An auditor needs no network: `verify` opens no socket.

use std::process::Command;

use crate::{good::good, suite::Said};

#[test]
fn verify_works_where_there_is_no_network_at_all() {
    let mut verify = alone_in_the_world();
    verify
        .arg(env!("CARGO_BIN_EXE_closure"))
        .arg("verify")
        .arg(good().archive());
    let output = verify
        .output()
        .expect("`unshare` can be started; `scripts/setup` installs it");
    Said::from(output)
        .exits(0)
        .says(&["outcome    pass, derived again from the evidence"]);
}

/// `unshare` into a network namespace with nothing in it; whoever is not root becomes it there.
fn alone_in_the_world() -> Command {
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    unshare.arg("--net");
    unshare
}
