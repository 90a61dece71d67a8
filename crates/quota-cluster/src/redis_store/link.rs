//! One connection to one server.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Pipeline, RedisConnectionInfo, RedisError, ServerError, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::task::AbortHandle;

use crate::redis_store::endpoint::Endpoint;
use crate::redis_store::failure::lost;
use crate::redis_store::settings::TlsSettings;
#[cfg(feature = "tls")]
use crate::redis_store::tls;
use crate::store::StoreError;

/// A connection, which ends when it is dropped.
#[derive(Debug)]
pub(super) struct Link {
    connection: MultiplexedConnection,
    /// The task that reads and writes. It would outlive the connection by the answers that a
    /// stopped server owes.
    task: AbortHandle,
    /// The address of the server.
    pub(super) peer: String,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    /// Connects. The caller limits the time.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "only TLS has settings"))]
    pub(super) async fn open(endpoint: &Endpoint, tls: &TlsSettings) -> Result<Self, StoreError> {
        let peer = endpoint.to_string();
        match endpoint {
            Endpoint::Tcp { host, port, is_tls } => {
                let stream = TcpStream::connect((host.as_str(), *port))
                    .await
                    .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
                    .map_err(|error| lost(&peer, &error))?;
                if !is_tls {
                    return Self::over(stream, peer).await;
                }
                #[cfg(feature = "tls")]
                return Self::over(tls::secure(stream, host, &peer, tls).await?, peer).await;
                #[cfg(not(feature = "tls"))]
                Err(StoreError::Unfit("compiled without TLS".to_owned()))
            }
            #[cfg(unix)]
            Endpoint::Unix(path) => {
                let stream =
                    UnixStream::connect(path).await.map_err(|error| lost(&peer, &error))?;
                Self::over(stream, peer).await
            }
            #[cfg(not(unix))]
            Endpoint::Unix(_) => Err(StoreError::Unfit("there are no unix sockets".to_owned())),
        }
    }

    async fn over<S>(stream: S, peer: String) -> Result<Self, StoreError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Nothing is sent here: the first pipeline has the user, the database and the checks.
        let nothing = RedisConnectionInfo::default().set_skip_set_lib_name();
        // The store limits the time of whole calls.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (connection, task) = MultiplexedConnection::new_with_config(&nothing, stream, config)
            .await
            .map_err(|error| lost(&peer, &error))?;
        Ok(Self { connection, task: tokio::spawn(task).abort_handle(), peer })
    }

    /// Sends commands, and returns their replies in order.
    pub(super) async fn send(&mut self, pipeline: &Pipeline) -> Result<Vec<Reply>, StoreError> {
        let count = pipeline.len();
        let replies = self
            .connection
            .send_packed_commands(pipeline, 0, count)
            .await
            .map_err(|error: RedisError| lost(&self.peer, &error))?;
        if replies.len() != count {
            return Err(lost(&self.peer, &"an answer that is none"));
        }
        Ok(replies
            .into_iter()
            .map(|reply| match reply {
                Value::ServerError(error) => Err(error),
                reply => Ok(reply),
            })
            .collect())
    }
}

/// The reply to one command.
pub(super) type Reply = Result<Value, ServerError>;
