//! `--server https://…`: private certificates of the server, and certificates of the client.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use support::{run, server::arroyo};

/// A build without TLS says so, and what to do.
#[cfg(not(feature = "tls"))]
#[test]
fn without_the_feature_https_is_refused() {
    let left = run(&["list", "--server", "https://localhost:1"]);
    assert_eq!(left.code, Some(4), "{}", left.stderr);
    assert!(
        left.stderr
            .contains("this build has no TLS; build it with the feature \"tls\""),
        "{}",
        left.stderr
    );
    let server = arroyo(&[]);
    assert_eq!(run(&["list", "--server", &server.url]).code, Some(0));
}

#[cfg(feature = "tls")]
mod with_tls {
    use std::{sync::Arc, thread};

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{
            RootCertStore, ServerConfig,
            crypto::ring,
            pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
            server::WebPkiClientVerifier,
        },
    };

    use super::{arroyo, run};
    use crate::support::{Left, Running, TestDirectory, example, stepwell};

    type Authority = CertifiedIssuer<'static, KeyPair>;

    fn authority() -> Authority {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
    }

    /// A certificate for localhost with its key.
    fn sign(authority: &Authority) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (parameters.signed_by(&key, authority).unwrap(), key)
    }

    /// An Arroyo behind TLS of a private authority, and a directory with its files.
    struct World {
        directory: TestDirectory,
        url: String,
    }

    impl World {
        fn new(asks_for_a_certificate: bool) -> Self {
            let authority = authority();
            let directory = TestDirectory::new();
            directory.write("ca.pem", authority.pem());
            for (name, authority) in [("client", &authority), ("stranger", &self::authority())] {
                let (certificate, key) = sign(authority);
                directory.write(&format!("{name}.pem"), certificate.pem());
                directory.write(&format!("{name}.key"), key.serialize_pem());
            }
            let (certificate, key) = sign(&authority);
            let config = ServerConfig::builder_with_provider(ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .unwrap();
            let config = if asks_for_a_certificate {
                let mut roots = RootCertStore::empty();
                roots.add(authority.der().clone()).unwrap();
                config.with_client_cert_verifier(
                    WebPkiClientVerifier::builder_with_provider(
                        roots.into(),
                        ring::default_provider().into(),
                    )
                    .build()
                    .unwrap(),
                )
            } else {
                config.with_no_client_auth()
            };
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
            let config = config
                .with_single_cert(vec![certificate.der().clone()], key)
                .unwrap();
            let server = arroyo(&["Created", "Running", "Finished"]);
            Self {
                directory,
                url: terminate(config, server.url.trim_start_matches("http://").to_owned()),
            }
        }

        /// The command with `--server` and these files of the directory.
        /// A run that the server refuses with an alert. If the end of the connection is seen before the alert, the alert is lost and nothing was
        /// sent, so the run is repeated.
        fn refused(&self, command: &str, files: &[(&str, &str)]) -> Left {
            let lost = "closed the connection without answering";
            let mut tries = std::iter::repeat_with(|| self.run(command, files)).take(50);
            tries
                .find(|left| !left.stderr.contains(lost))
                .unwrap_or_else(|| panic!("the alert was lost each time"))
        }

        fn run(&self, command: &str, files: &[(&str, &str)]) -> Left {
            let mut all = vec![command.to_owned(), "--server".to_owned(), self.url.clone()];
            for (flag, name) in files {
                all.extend([(*flag).to_owned(), self.directory.text(name)]);
            }
            if command == "run" {
                all.push(example("hello.sql"));
            }
            run(&all.iter().map(String::as_str).collect::<Vec<_>>())
        }
    }

    /// Terminates TLS and forwards the bytes. It ends with the test process.
    fn terminate(config: ServerConfig, to: String) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!(
            "https://localhost:{}",
            listener.local_addr().unwrap().port()
        );
        let acceptor = TlsAcceptor::from(Arc::new(config));
        thread::spawn(move || {
            runtime.block_on(async move {
                while let Ok((connection, _)) = listener.accept().await {
                    let (acceptor, to) = (acceptor.clone(), to.clone());
                    tokio::spawn(async move {
                        let Ok(mut connection) = acceptor.accept(connection).await else {
                            return;
                        };
                        let mut server = TcpStream::connect(to).await.unwrap();
                        let _ = tokio::io::copy_bidirectional(&mut connection, &mut server).await;
                    });
                }
            });
        });
        url
    }

    fn ended(left: &Left, code: i32, words: &[&str]) {
        assert_eq!(left.code, Some(code), "{}", left.stderr);
        for word in words {
            assert!(
                left.stderr.contains(word),
                "{word:?} is missing in:\n{}",
                left.stderr
            );
        }
    }

    const CA: (&str, &str) = ("--ca-file", "ca.pem");

    #[test]
    fn a_private_certificate_needs_its_file() {
        let world = World::new(false);
        for command in ["list", "run"] {
            ended(&world.run(command, &[CA]), 0, &[]);
            ended(
                &world.run(command, &[]),
                4,
                &[
                    "is its certificate trusted",
                    "UnknownIssuer",
                    "next: ",
                    "--ca-file FILE",
                ],
            );
            // The key of another certificate is not accepted.
            ended(
                &world.run(command, &[("--ca-file", "stranger.pem")]),
                4,
                &["invalid peer certificate"],
            );
        }
        ended(
            &world.run("list", &[("--ca-file", "missing.pem")]),
            2,
            &["missing.pem"],
        );
        ended(
            &world.run("list", &[("--ca-file", "client.key")]),
            2,
            &["BEGIN CERTIFICATE"],
        );
    }

    #[test]
    fn a_server_that_asks_for_a_certificate_gets_one() {
        let world = World::new(true);
        let good = [
            CA,
            ("--client-certificate", "client.pem"),
            ("--client-key", "client.key"),
        ];
        let stranger = [
            CA,
            ("--client-certificate", "stranger.pem"),
            ("--client-key", "stranger.key"),
        ];
        for command in ["list", "run"] {
            ended(&world.run(command, &good), 0, &[]);
            ended(
                &world.refused(command, &[CA]),
                4,
                &[
                    "asks for a client certificate",
                    "CertificateRequired",
                    "next: ",
                    "--client-certificate FILE",
                ],
            );
            ended(
                &world.refused(command, &stranger),
                4,
                &["does not take the client certificate", "next: "],
            );
        }
    }

    /// Some editors write a byte order mark.
    #[test]
    fn a_byte_order_mark_before_a_file_is_passed_over() {
        let world = World::new(true);
        for name in ["ca.pem", "client.pem", "client.key"] {
            let text = std::fs::read_to_string(world.directory.path(name)).unwrap();
            world.directory.write(name, format!("\u{feff}{text}"));
        }
        let files = [
            CA,
            ("--client-certificate", "client.pem"),
            ("--client-key", "client.key"),
        ];
        ended(&world.run("list", &files), 0, &[]);
    }

    #[test]
    fn files_that_do_not_fit_are_2() {
        let world = World::new(true);
        let with = |certificate, key| {
            world.run(
                "list",
                &[
                    CA,
                    ("--client-certificate", certificate),
                    ("--client-key", key),
                ],
            )
        };
        ended(
            &with("client.pem", "stranger.key"),
            2,
            &["does not belong to"],
        );
        ended(
            &with("missing.pem", "client.key"),
            2,
            &["could not read the client certificate in"],
        );
        ended(
            &with("client.pem", "missing.key"),
            2,
            &["could not read the client key in"],
        );
        ended(
            &with("client.key", "client.key"),
            2,
            &["no usable client certificate in"],
        );
        ended(
            &with("client.pem", "client.pem"),
            2,
            &["no usable client key in"],
        );
        for flag in ["--client-certificate", "--client-key"] {
            ended(
                &world.run("list", &[CA, (flag, "client.pem")]),
                2,
                &["required", "--client-"],
            );
        }
    }

    /// With all log lines, at the highest level.
    #[test]
    fn the_environment_stands_for_the_flags_and_the_key_is_never_shown() {
        let world = World::new(true);
        let key = std::fs::read_to_string(world.directory.path("client.key")).unwrap();
        let secret = key.lines().nth(1).unwrap();
        let mut command = stepwell(&["run", "-vvv", "--server", &world.url, &example("hello.sql")]);
        command
            .env("RUST_LOG", "trace")
            .env("STEPWELL_CA_FILE", world.directory.text("ca.pem"))
            .env(
                "STEPWELL_CLIENT_CERTIFICATE",
                world.directory.text("client.pem"),
            )
            .env("STEPWELL_CLIENT_KEY", world.directory.text("client.key"));
        let left = Running::start(command).finish();
        ended(&left, 0, &["is Finished"]);
        assert!(!left.stderr.contains(secret), "{}", left.stderr);

        // Half of the options come from the environment.
        let mut command = stepwell(&["list", "--server", &world.url]);
        command.env("STEPWELL_CLIENT_KEY", world.directory.text("client.key"));
        ended(
            &Running::start(command).finish(),
            2,
            &["--client-certificate"],
        );

        // Set to empty values, as CI jobs often do.
        let mut command = stepwell(&["list", "--server", &world.url]);
        for variable in [
            "STEPWELL_CA_FILE",
            "STEPWELL_CLIENT_CERTIFICATE",
            "STEPWELL_CLIENT_KEY",
        ] {
            command.env(variable, "");
        }
        ended(
            &Running::start(command).finish(),
            4,
            &["is its certificate trusted"],
        );
    }
}
