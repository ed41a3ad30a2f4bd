//! Over a real connection: the documented curl byte for byte, requests that two readers may cut differently, a client that
//! hangs up.

use std::net::SocketAddr;

use super::harness::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

async fn listening(e: &Endpoint) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = e.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    e.tasks.spawn(async move { axum::serve(listener, service).await.unwrap() });
    address
}

/// Everything that comes back until the server has nothing more to say.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

#[tokio::test]
async fn the_documented_curl_byte_for_byte() {
    let address = listening(&endpoint()).await;
    let curl = format!(
        "POST /mcp/acme HTTP/1.1\r\nHost: {address}\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\
         Authorization: Bearer {ALL}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let answer = exchange(address, &curl).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
    assert!(body.starts_with(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":["#), "{body}");
}

#[tokio::test]
async fn a_request_that_could_be_cut_in_two_ways_is_one_or_none() {
    let e = endpoint();
    let address = listening(&e).await;
    let key = format!("Authorization: Bearer {ALL}\r\nContent-Type: application/json\r\n");
    let hidden = format!(
        "POST /mcp/acme HTTP/1.1\r\nHost: {address}\r\n{key}Content-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    // What follows the last chunk would be a second request to one who goes by the chunks, and body to one who goes by the
    // length. The chunks count, and the connection ends before anything else is answered.
    let both = format!(
        "POST /mcp/acme HTTP/1.1\r\nHost: {address}\r\n{key}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        hidden.len() + 5
    );
    let answer = exchange(address, &both).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("connection: close"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");

    for odd in [
        format!(
            "POST /mcp/acme HTTP/1.1\r\nHost: {address}\r\n{key}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{BODY}"
        ),
        format!(
            "POST /mcp/acme HTTP/1.1\r\nHost: {address}\r\n{key}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"
        ),
        format!("POST /mcp/acme HTTP/1.1\r\nHost: {address}\r\n{key}Content-Length: -1\r\n\r\n"),
        format!("POST /mcp/acme HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer a\0b\r\n\r\n"),
        "POST http://evil.com/mcp/acme HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ] {
        let answer = exchange(address, &odd).await;
        assert!(answer.starts_with("HTTP/1.1 40"), "{odd} → {answer}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_its_call() {
    let (reached, mut was_reached) = tokio::sync::mpsc::unbounded_channel();
    let (ended, mut has_ended) = tokio::sync::mpsc::unbounded_channel::<()>();
    let e = answering(move |_| {
        let (reached, ended) = (reached.clone(), ended.clone());
        Box::pin(async move {
            // Dropped with the call, which closes the channel.
            let _ended = ended;
            reached.send(()).unwrap();
            std::future::pending().await
        })
    });
    let address = listening(&e).await;
    let body = query();
    let request = format!(
        "POST /mcp/acme HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {ALL}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    was_reached.recv().await.unwrap();
    drop(stream);
    let audit = e.audit.clone();
    drop(e);
    // The row is written after the call is dropped; nothing tells when but the row itself.
    let row = loop {
        if let Some(row) = audit.rows().pop() {
            break row;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(row.error_class.as_deref(), Some("cancelled"));
    assert!(has_ended.try_recv().is_err());
}
