//! The transport: one request over a connection of its own, plain or encrypted.
//!
//! Not over reqwest, which the rest of the service uses: its TLS could only be switched on for every client of the
//! workspace at once, and then none of them could be made without certificates of the system, which an empty image does
//! not have, or a provider of cryptography installed for the whole process. What is underneath reqwest does the same here
//! for one client.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, Response},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

/// Sends requests. It follows no redirect and asks no proxy: the key goes where it was meant to go.
pub(super) struct Transport {
    http: legacy::Client<HttpsConnector<HttpConnector>, String>,
}

impl Transport {
    /// Believes who Mozilla believes: the list comes with the binary.
    pub(super) fn new() -> anyhow::Result<Self> {
        Self::believing(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
    }

    /// Believes servers that one of these vouches for.
    pub(super) fn believing(roots: RootCertStore) -> anyhow::Result<Self> {
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        // A connection that was kept may be dead by the next question, and the question with it: it would have to be asked
        // again without anybody knowing, or fail for nothing. Beside an answer that takes seconds a new one costs little.
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .build(connector);
        Ok(Self { http })
    }

    /// Sends one request, once.
    pub(super) async fn send(&self, request: Request<String>) -> Result<Response<Body>, legacy::Error> {
        let answer = self.http.request(request).await?;
        Ok(answer.map(Body::new))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::{ServerConfig, pki_types::PrivateKeyDer};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// A server that nobody knows but whoever holds its certificate, and where it is.
    async fn encrypted() -> (RootCertStore, String) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("its own key");
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut read = [0; 4096];
                    assert!(stream.read(&mut read).await.expect("a request") > 0);
                    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
                    stream.write_all(answer).await.expect("it is connected");
                }
            }
        });
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).expect("a certificate");
        (roots, format!("https://localhost:{port}/"))
    }

    async fn sent(transport: &Transport, address: &str) -> Result<StatusCode, legacy::Error> {
        let request = Request::get(address).body(String::new()).expect("a request");
        Ok(transport.send(request).await?.status())
    }

    #[tokio::test]
    async fn a_server_that_is_vouched_for_is_spoken_to_and_a_stranger_is_not() {
        let (roots, address) = encrypted().await;
        let acquainted = Transport::believing(roots).expect("a transport");
        let answered = sent(&acquainted, &address).await.expect("an answer");
        assert_eq!(answered, StatusCode::NO_CONTENT);
        let usual = Transport::new().expect("a transport");
        assert!(sent(&usual, &address).await.is_err());
        let by_number = address.replace("localhost", "127.0.0.1");
        assert!(
            sent(&acquainted, &by_number).await.is_err(),
            "it is somebody else's"
        );
    }
}
