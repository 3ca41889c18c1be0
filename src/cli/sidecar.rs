//! `closure sidecar`: closure at the other end of a look `inside` a service. One errand on standard input, one answer on
//! standard output; that nothing could be seen is an answer, too.

use std::io::{Read as _, Write as _};

use super::{Exit, arguments::SidecarWish};
use crate::probe::sql;

pub(super) fn command(wish: &SidecarWish) -> anyhow::Result<Exit> {
    let mut errand = Vec::new();
    std::io::stdin().read_to_end(&mut errand)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime
        .block_on(sql::answer(wish.pid, &errand))
        .map_err(|words| Exit::Usage.because(anyhow::Error::msg(words)))?;
    std::io::stdout().write_all(&answer)?;
    Ok(Exit::Pass)
}
