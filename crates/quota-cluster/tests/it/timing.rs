//! The cost of a question to the server.

use std::time::Instant;

use quota_cluster::{LeaseStore, Question};

use crate::host::Host;
use crate::redis_server::RedisServer;

/// Generous, for a machine that others use as well: the measure stands in the log.
const MOST_MICROS: f64 = 200.0;

#[tokio::test]
async fn a_question_takes_microseconds_of_the_server() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut host = Host::new(server.store(), "host-1#0123456789abcdef");
    host.question.key = "wasm-limits:c:{some-component}:network".into();
    let questions: Vec<_> = (0..16)
        .map(|key| Question {
            key: format!("wasm-limits:c:{{some-component-{key}}}:network").into(),
            want: 1,
            ..host.question.clone()
        })
        .collect();
    host.store.ask(&questions).await.unwrap();
    server.run::<()>("CONFIG RESETSTAT");
    let begun = Instant::now();
    for ticket in 1..=500 {
        let questions: Vec<_> =
            questions.iter().map(|q| Question { ticket, ..q.clone() }).collect();
        host.store.ask(&questions).await.unwrap();
    }
    let call = begun.elapsed() / 500;
    let (calls, micros) = (
        server.statistic::<u64>("cmdstat_evalsha", "calls"),
        server.statistic::<f64>("cmdstat_evalsha", "usec_per_call"),
    );
    let size: u64 = server.run(&format!("MEMORY USAGE {}", questions[0].key));
    let form: String = server.run(&format!("OBJECT ENCODING {}", questions[0].key));
    eprintln!("a question: {micros} us of the server (mean of {calls}), {size} bytes ({form})");
    eprintln!("a call with 16 questions: {call:?}");
    assert_eq!(calls, 8_000);
    assert!(micros < MOST_MICROS, "{micros} us");
    assert!(form == "listpack" || form == "ziplist", "{form}");
}
