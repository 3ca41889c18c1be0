//! `healthcheck`: asks a role that runs beside it, with that role's own environment. It is run in an empty image, where
//! there is no other tool to ask with.

use std::{net::SocketAddr, time::Duration};

use anyhow::bail;

use crate::{
    cli::Checked,
    settings::{Environment, Exporter, MockPlatform, Role, Setting, SettingError, table},
    worker,
};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(3);

/// Fails when the role is not well.
pub(crate) async fn run(role: Checked) -> anyhow::Result<()> {
    let mut environment = Environment::of_this_process();
    match role {
        Checked::Api => asked(address(&mut environment, &table::API_LISTEN)?, "/health/ready").await,
        Checked::Exporter => asked(Exporter::read(&mut environment)?.listen, "/metrics").await,
        Checked::MockPlatform => asked(MockPlatform::read(&mut environment)?.listen, "/health/ready").await,
        Checked::Worker => {
            let folder = environment.read(&table::METRICS_DIR, |text| Ok(std::path::PathBuf::from(text)))?;
            if !worker::is_fresh(&folder) {
                bail!("the worker has not reached its database lately");
            }
            Ok(())
        }
    }
}

fn address(environment: &mut Environment, setting: &'static Setting) -> Result<SocketAddr, SettingError> {
    environment.read(setting, |text| {
        text.parse()
            .map_err(|_| format!("`{text}` is not an address and a port"))
    })
}

/// A role that listens on every address is asked on the loopback one.
async fn asked(mut address: SocketAddr, path: &str) -> anyhow::Result<()> {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let client = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build()?;
    let status = client
        .get(format!("http://{address}{path}"))
        .send()
        .await?
        .status();
    if !status.is_success() {
        bail!("`{path}` answered {status}");
    }
    Ok(())
}
