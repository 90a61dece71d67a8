//! Where sentinels say that the primary is.

use redis::{Value, pipe};
use tokio::task::JoinSet;

use crate::redis_store::endpoint::Endpoint;
use crate::redis_store::failure::{lost, shown, unfit};
use crate::redis_store::link::Link;
use crate::redis_store::settings::RedisSettings;
use crate::store::StoreError;

/// Asks all sentinels at once, and returns the first answer: one that hangs keeps none of the
/// others back. The caller limits the time.
pub(super) async fn primary(
    sentinels: &[Endpoint],
    master: &str,
    is_tls: bool,
    settings: &RedisSettings,
) -> Result<Endpoint, StoreError> {
    let mut asked = JoinSet::new();
    for sentinel in sentinels {
        let (sentinel, master, settings) = (sentinel.clone(), master.to_owned(), settings.clone());
        asked.spawn(async move { ask(&sentinel, &master, is_tls, &settings).await });
    }
    let mut failure = StoreError::Unfit("there is no sentinel".to_owned());
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok(Ok(endpoint)) => return Ok(endpoint),
            Ok(Err(error)) => failure = error,
            Err(stopped) => failure = lost("sentinel", &stopped),
        }
    }
    Err(failure)
}

async fn ask(
    sentinel: &Endpoint,
    master: &str,
    is_tls: bool,
    settings: &RedisSettings,
) -> Result<Endpoint, StoreError> {
    let mut link = Link::open(sentinel, &settings.tls).await?;
    let mut question = pipe();
    question.cmd("SENTINEL").arg("get-master-addr-by-name").arg(master);
    let mut reply = link.send(&question).await?.pop();
    if let (Some(Err(error)), Some(password)) = (&reply, &settings.password)
        && error.code() == "NOAUTH"
    {
        let mut log_in = pipe();
        log_in.cmd("AUTH").arg(settings.username.as_deref()).arg(password);
        if let Some(Err(error)) = link.send(&log_in).await?.pop() {
            return Err(unfit(&link.peer, &shown(&error)));
        }
        reply = link.send(&question).await?.pop();
    }
    match reply {
        Some(Ok(Value::Array(address))) => {
            address_of(&address, is_tls).ok_or_else(|| lost(&link.peer, &"an address that is none"))
        }
        // A sentinel that has just started may learn the name yet.
        Some(Ok(Value::Nil)) => {
            Err(lost(&link.peer, &format!("it knows no primary of the name `{master}`")))
        }
        Some(Err(error)) => Err(unfit(&link.peer, &shown(&error))),
        _ => Err(lost(&link.peer, &"an answer that is none")),
    }
}

fn address_of(address: &[Value], is_tls: bool) -> Option<Endpoint> {
    let [Value::BulkString(host), Value::BulkString(port)] = address else { return None };
    let host = String::from_utf8(host.clone()).ok()?;
    let port = core::str::from_utf8(port).ok()?.parse().ok()?;
    Some(Endpoint::Tcp { host, port, is_tls })
}
