//! The fake Slack itself: what it answers and what it shows.
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;

use prefect::fake_slack::{Answer, FakeSlack, Gate, SlackError};

/// What a bare socket gets for these bytes, up to the end of the connection.
fn raw(slack: &FakeSlack, request: &[u8]) -> io::Result<String> {
    let mut stream = TcpStream::connect(slack.address())?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn post(slack: &FakeSlack, body: &str) -> io::Result<String> {
    let head = format!("POST /services/T/B/x HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    raw(slack, (head + body).as_bytes())
}

const HELLO: &str = r#"{"text":"hello"}"#;

fn status_and_body(answer: &str) -> (u16, &str) {
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1)
}

#[test]
fn it_takes_what_slack_takes_and_refuses_what_slack_refuses() {
    let slack = FakeSlack::start();
    let many = format!(r#"{{"attachments":[{}]}}"#, vec![r#"{"text":"x"}"#; 101].join(","));
    for (body, expected) in [
        (HELLO, (200, "ok")),
        (r#"{"attachments":[{"text":"x"}]}"#, (200, "ok")),
        (r#"{"blocks":[{"type":"divider"}]}"#, (200, "ok")),
        ("{}", (400, "no_text")),
        (r#"{"text":""}"#, (400, "no_text")),
        (r#"{"attachments":[]}"#, (400, "no_text")),
        ("", (400, "invalid_payload")),
        ("{\"text\":", (400, "invalid_payload")),
        ("[1]", (400, "invalid_payload")),
        (&*many, (400, "too_many_attachments")),
    ] {
        assert_eq!(status_and_body(&post(&slack, body).unwrap()), expected, "{body}");
    }
}

#[test]
fn every_documented_error_has_its_body_and_status() {
    let slack = FakeSlack::start();
    slack.script(SlackError::ALL.map(Answer::Error));
    for error in SlackError::ALL {
        assert_eq!(status_and_body(&post(&slack, HELLO).unwrap()), (error.status(), error.code()));
    }
    assert_eq!(SlackError::InvalidPayload.status(), 400);
    assert_eq!(SlackError::ActionProhibited.status(), 403);
    assert_eq!(SlackError::ChannelNotFound.status(), 404);
    assert_eq!(SlackError::ChannelIsArchived.status(), 410);
    assert_eq!(SlackError::RollupError.status(), 500);
}

#[test]
fn the_script_comes_first_then_what_always_holds() {
    let slack = FakeSlack::start();
    slack.always(Answer::Unavailable).script([Answer::RateLimited(7), Answer::Redirect("http://127.0.0.1:1/".into())]);
    let limited = post(&slack, HELLO).unwrap();
    assert_eq!(status_and_body(&limited), (429, "rate_limited"));
    assert!(limited.contains("retry-after: 7\r\n"), "{limited}");
    let redirect = post(&slack, HELLO).unwrap();
    assert!(redirect.starts_with("HTTP/1.1 302 ") && redirect.contains("location: http://127.0.0.1:1/\r\n"));
    for _ in 0..2 {
        assert_eq!(status_and_body(&post(&slack, HELLO).unwrap()), (503, ""));
    }
    slack.always(Answer::Status(418, "teapot".into()));
    assert_eq!(status_and_body(&post(&slack, HELLO).unwrap()), (418, "teapot"));
}

#[test]
fn it_shows_what_it_received_in_order() {
    let slack = FakeSlack::start();
    for i in 0..3 {
        post(&slack, &format!(r#"{{"text":"{i}"}}"#)).unwrap();
    }
    let received = slack.wait_for(3);
    let texts: Vec<_> = received.iter().map(|r| r.json()["text"].clone()).collect();
    assert_eq!(texts, ["0", "1", "2"]);
    assert_eq!((received[0].method(), received[0].path()), ("POST", "/services/T/B/x"));
    assert_eq!(received[0].header("HOST"), Some("x"));
    assert_eq!(received[0].headers().count(), 2);
    assert_eq!(slack.requests().len(), 3);
    assert!(slack.webhook_url_for("ops").starts_with(&slack.url()) && slack.webhook_url_for("ops").ends_with("/ops"));
}

#[test]
fn waiting_for_requests_ends_when_they_come() {
    let slack = FakeSlack::start();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| slack.wait_for(2).len());
        post(&slack, HELLO).unwrap();
        post(&slack, HELLO).unwrap();
        assert_eq!(waiting.join().unwrap(), 2);
    });
}

#[test]
fn a_gate_holds_an_answer_back() {
    let slack = FakeSlack::start();
    let gate = Gate::new();
    slack.script([Answer::After(gate.clone(), Box::new(Answer::AsSlack))]);
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        scope.spawn({
            let slack = &slack;
            move || tell.send(post(slack, HELLO).unwrap()).unwrap()
        });
        assert_eq!(slack.wait_for(1).len(), 1);
        assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Empty));
        gate.open();
        assert!(told.recv().unwrap().ends_with("ok"));
    });
}

#[test]
fn broken_connections_break_in_the_way_they_say() {
    let slack = FakeSlack::start();
    slack.script([Answer::ResetBeforeReading, Answer::ResetAfterReading, Answer::HalfResponse, Answer::Garbage]);
    assert_eq!(post(&slack, HELLO).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!(slack.requests().is_empty());
    assert_eq!(post(&slack, HELLO).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(slack.requests()[0].json()["text"], "hello");
    let half = post(&slack, HELLO).unwrap();
    assert!(half.starts_with("HTTP/1.1 200 ") && !half.contains("\r\n\r\n"));
    assert!(!post(&slack, HELLO).unwrap().starts_with("HTTP"));
    slack.script([Answer::GarbageBody]);
    let garbage = post(&slack, HELLO).unwrap();
    let (status, body) = status_and_body(&garbage);
    assert!(status == 200 && body != "ok");
    let refused = FakeSlack::refused_url();
    let address = refused.split('/').nth(2).unwrap();
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn dropping_it_lets_go_of_everybody_who_waits() {
    let slack = FakeSlack::start();
    slack.script([Answer::Hang, Answer::After(Gate::new(), Box::new(Answer::Hang))]);
    let address = slack.address();
    let clients: Vec<_> = (0..2)
        .map(|_| {
            thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n").unwrap();
                let _ = stream.read_to_end(&mut Vec::new());
            })
        })
        .collect();
    assert_eq!(slack.wait_for(2).len(), 2);
    drop(slack);
    for client in clients {
        client.join().unwrap();
    }
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn requests_that_are_none_or_too_long_are_not_kept_in_memory() {
    let slack = FakeSlack::start();
    for request in [
        b"nonsense\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n".to_vec(),
        [b"POST / HTTP/1.1\r\nx: ".to_vec(), vec![b'a'; 20_000], b"\r\n\r\n".to_vec()].concat(),
    ] {
        // Either an empty answer or a reset: what counts is that the connection ends.
        let answer = raw(&slack, &request).unwrap_or_default();
        assert_eq!(answer, "");
    }
    assert!(slack.requests().is_empty());
    assert!(post(&slack, HELLO).unwrap().ends_with("ok"));
}
