//! Who comes in: nobody where a format is not turned on, and nobody without a token unless the configuration says so.

use samewire_server::Config;
use samewire_tests::live::http::{requests, send};
use samewire_tests::live::raw::Raw;
use samewire_tests::live::settings;

use crate::client::{ALL, Client, Format, config, host, token};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_off_by_default() {
    let host = host(settings()).await;
    for format in ALL {
        let refused = Raw::dial_at(host.addr(), format.path(), &[]).await.expect_err("nobody is there");
        assert_eq!(refused.status, 404, "{format:?}");
    }
    for address in ["/api", "/api/system/echo", "/socket.io/?EIO=4&transport=polling"] {
        for method in ["GET", "POST"] {
            let request = requests().request(method.parse().expect("a method"), format!("{}{address}", host.url()));
            assert_eq!(send(request.body("{}")).await.status, 404, "{method} {address}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_turned_on_alone() {
    for format in ALL {
        let mut config = settings();
        format.enable(&mut config);
        let host = host(config).await;
        for other in ALL {
            let dialled = Raw::dial_at(host.addr(), other.path(), &[]).await;
            // Where nobody speaks Socket.IO, its clients are told so by whom they are likely to have meant.
            let is_there = other == format || (format, other) == (Format::PortalViews, Format::SocketIo);
            assert_eq!(dialled.is_ok(), is_there, "{other:?} where there is {format:?} only");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_are_on_for_development() {
    let host = host(Config { dev: true, ..settings() }).await;
    for format in ALL {
        Client::enter(&host, format, "ada").await.is_served().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_anonymous_unless_the_configuration_says_so() {
    let closed = host(config()).await;
    for format in ALL {
        assert!(!Client::dial(&closed, format, None).await.is_in().await, "{format:?}");
        assert!(!Client::dial(&closed, format, Some("nonsense")).await.is_in().await, "{format:?}");
    }
    for format in ALL {
        let mut config = config();
        format.open(&mut config);
        let host = host(config).await;
        for other in [Format::Metacom, Format::SocketIo, Format::Signalling, Format::PortalViews] {
            let is_in = Client::dial(&host, other, None).await.is_in().await;
            assert_eq!(is_in, other == format && format != Format::PortalViews, "{other:?} where {format:?} is open");
        }
        // A token that is wrong is wrong there too.
        assert!(!Client::dial(&host, format, Some("nonsense")).await.is_in().await, "{format:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_elsewhere_are_not_let_in() {
    let host = host(config()).await;
    for format in ALL {
        let origin = [("Origin", "https://evil.example")];
        let path = format!("{}{}token={}", format.path(), if format.path().contains('?') { "&" } else { "?" }, token("ada"));
        let Ok(raw) = Raw::dial_at(host.addr(), &path, &origin).await else { continue };
        let code = Client { format, raw }.end().await;
        assert_eq!(code, 1008, "{format:?}");
    }
}
