//! Published ports, which are reachable from this machine only.

use std::net::{IpAddr, Ipv4Addr};

use super::complaint::Complaints;
use super::field::{Field, Table};
use super::model::Port;
use super::subset;
use super::tree::Value;
use super::units::{Kind, PORT, port};

const PROTOCOL: Kind<()> = Kind {
    parse: |text| (text == "tcp").then_some(()),
    wanted: "`tcp`",
    hint: "only TCP ports can be published",
};
const EXAMPLES: &str = "as in `8000`, `8080:8000`, `127.0.0.1::8000` or `127.0.0.1:8080:8000`";

pub(super) fn read(field: Field<'_>, complaints: &mut Complaints) -> Vec<Port> {
    let mut ports: Vec<Port> = Vec::new();
    for item in field.items(complaints).unwrap_or_default() {
        let port = match item.node.value {
            Value::Map(_) => long(item, complaints),
            _ => short(item, complaints),
        };
        if port.as_ref().is_some_and(|port| ports.contains(port)) {
            complaints.say(item.place(), "this port is published already");
        }
        ports.extend(port);
    }
    ports
}

/// `[[address:][published]:]target[/tcp]`.
fn short(item: Field<'_>, complaints: &mut Complaints) -> Option<Port> {
    let text = item.spelt(complaints)?;
    let bare = text.strip_suffix("/tcp").unwrap_or(text);
    let (address, numbers) = match bare.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        Some((address, numbers)) => (Some(address), numbers),
        None if bare.matches(':').count() == 2 => {
            bare.split_once(':').map_or((None, bare), |(a, n)| (Some(a), n))
        }
        None => (None, bare),
    };
    let (published, target) = match numbers.split_once(':') {
        Some((published, target)) => (Some(published), target),
        None if address.is_none() => (None, numbers),
        None => return refuse(item, text, complaints),
    };
    let published = published.filter(|published| !published.is_empty());
    match (port(target), published.map(port)) {
        (Some(target), published) if published != Some(None) => Some(Port {
            target,
            published: published.flatten(),
            host_ip: address_of(item, address, complaints)?,
        }),
        _ => refuse(item, text, complaints),
    }
}

fn refuse<T>(item: Field<'_>, text: &str, complaints: &mut Complaints) -> Option<T> {
    let message = if text.ends_with("/udp") {
        format!("`{text}` is not TCP: only TCP ports can be published")
    } else if text.contains('-') {
        format!("`{text}` is a range: ports are published one by one")
    } else {
        format!("`{text}` is not a port")
    };
    complaints.hint(item.place(), message, EXAMPLES);
    None
}

fn long(item: Field<'_>, complaints: &mut Complaints) -> Option<Port> {
    let table = Table::read(item.node, "a port", subset::PORT, complaints)?;
    let published = table.parsed("published", &PORT, complaints);
    let target = table
        .required("target", "a port", complaints)
        .and_then(|field| field.parsed(&PORT, complaints));
    table.parsed("protocol", &PROTOCOL, complaints);
    let host_ip = match table.field("host_ip") {
        Some(field) => address_of(field, Some(&field.text(complaints)?), complaints)?,
        None => Ipv4Addr::LOCALHOST.to_string(),
    };
    Some(Port {
        target: target?,
        published,
        host_ip,
    })
}

/// A loopback address; the usual one when the file names none.
fn address_of(field: Field<'_>, address: Option<&str>, complaints: &mut Complaints) -> Option<String> {
    let text = address.unwrap_or("127.0.0.1");
    match text.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => Some(address.to_string()),
        Ok(address) => {
            let message = format!("`{address}` can be reached from other machines");
            complaints.hint(field.place(), message, "publish on `127.0.0.1`");
            None
        }
        Err(_) => {
            complaints.hint(field.place(), format!("`{text}` is not an address"), EXAMPLES);
            None
        }
    }
}
