//! The servers of a scenario, and how its hosts reach them.

use core::time::Duration;
use std::io;
use std::thread;

use crate::fault::Fault;
use crate::proxy::Proxy;
use crate::sentinels::Replicated;
use crate::server::RedisServer;
use crate::spec::StoreSpec;

/// The arrangement of servers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the arrangements that scenarios know")]
pub enum Topology {
    /// One server on a unix socket.
    Single,
    /// One server on a port of the loopback interface.
    Loopback,
    /// One server behind a proxy.
    Proxied,
    /// A primary and its replicas, behind as many proxies, which hosts use in turn. A lease is
    /// spent when so many replicas have it.
    Replicated {
        /// The replicas.
        replicas: usize,
        /// The proxies.
        proxies: usize,
        /// The replicas that must have a lease.
        wait: u32,
    },
    /// A primary and its replicas, whose address three sentinels know.
    Sentinels {
        /// The replicas.
        replicas: usize,
        /// The replicas that must have a lease.
        wait: u32,
    },
}

/// The running servers of a scenario.
#[derive(Debug)]
pub struct Servers {
    /// The proxies, before the servers that they connect to.
    proxies: Vec<Proxy>,
    group: Replicated,
    topology: Topology,
}

impl Servers {
    /// Starts the servers.
    ///
    /// # Errors
    ///
    /// A server does not start.
    pub fn start(topology: Topology) -> io::Result<Self> {
        let (group, proxies) = match topology {
            Topology::Single => (Replicated::alone(RedisServer::on_unix_socket(&[])?), 0),
            Topology::Loopback => (Replicated::alone(RedisServer::on_loopback(&[])?), 0),
            Topology::Proxied => (Replicated::alone(RedisServer::on_unix_socket(&[])?), 1),
            Topology::Replicated { replicas, proxies, .. } => {
                (Replicated::start(replicas)?, proxies)
            }
            Topology::Sentinels { replicas, .. } => (Replicated::start(replicas)?.watch()?, 0),
        };
        let proxies = (0..proxies)
            .map(|_| Proxy::start(group.server(0)?.socket()))
            .collect::<io::Result<_>>()?;
        Ok(Self { proxies, group, topology })
    }

    /// Returns how a host reaches the store.
    ///
    /// # Errors
    ///
    /// There is no server.
    pub fn store(&self, host: usize) -> io::Result<StoreSpec> {
        let sentinels = self.group.sentinels();
        let proxy = self.proxies.get(host % self.proxies.len().max(1));
        let url = match proxy {
            Some(proxy) => proxy.url(),
            None if sentinels.is_empty() => self.group.server(0)?.url(),
            None => String::new(),
        };
        let wait_replicas = match self.topology {
            Topology::Replicated { wait, .. } | Topology::Sentinels { wait, .. } => wait,
            Topology::Single | Topology::Loopback | Topology::Proxied => 0,
        };
        Ok(StoreSpec { url, sentinels, wait_replicas })
    }

    /// Returns the first server.
    ///
    /// # Errors
    ///
    /// There is no server.
    pub fn server(&self) -> io::Result<&RedisServer> {
        self.group.server(0)
    }

    /// Returns the first proxy.
    #[must_use]
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxies.first()
    }

    /// Carries out a fault of a server. A fault with a duration is over when it returns. Faults of
    /// hosts do nothing here.
    ///
    /// # Errors
    ///
    /// The fault cannot be carried out.
    pub fn suffer(&mut self, fault: &Fault) -> io::Result<()> {
        match fault {
            Fault::KillServer(down) => self.kill(0, *down),
            Fault::KillOneServer(server, down) => self.kill(*server, *down),
            Fault::FreezeServer(time) => self.freeze(0, *time),
            Fault::FreezeOneServer(server, time) => self.freeze(*server, *time),
            Fault::FlushAll => self.server()?.query::<()>(&redis::cmd("FLUSHALL")),
            Fault::ScriptFlush => self.server()?.query::<()>(redis::cmd("SCRIPT").arg("FLUSH")),
            Fault::DeleteKeys => {
                let mut connection = self.server()?.connection()?;
                let keys: Vec<String> =
                    redis::cmd("KEYS").arg("*").query(&mut connection).map_err(io::Error::other)?;
                for key in keys {
                    let deleted: redis::RedisResult<()> =
                        redis::cmd("DEL").arg(key).query(&mut connection);
                    deleted.map_err(io::Error::other)?;
                }
                Ok(())
            }
            Fault::Evict => evict(self.server()?),
            Fault::CutPerMille(replies) => {
                self.proxies.iter().for_each(|proxy| proxy.cut_per_mille(*replies));
                Ok(())
            }
            Fault::CutNext(replies) => {
                self.proxies.iter().for_each(|proxy| proxy.cut_next(*replies));
                Ok(())
            }
            Fault::Detach(server) => {
                // Nothing listens there: the replica keeps what it has.
                let command = redis::cmd("REPLICAOF").arg("127.0.0.1").arg("1").to_owned();
                self.group.server(*server)?.query::<()>(&command)
            }
            Fault::Promote(server, proxies) => {
                let promoted = self.group.server(*server)?;
                promoted.query::<()>(redis::cmd("REPLICAOF").arg("NO").arg("ONE"))?;
                for proxy in proxies.iter().filter_map(|proxy| self.proxies.get(*proxy)) {
                    proxy.turn_to(promoted.socket());
                }
                Ok(())
            }
            Fault::FreezeHost(..) | Fault::RestartHost(_) => Ok(()),
        }
    }

    fn kill(&mut self, server: usize, down: Duration) -> io::Result<()> {
        let server = self.group.server_mut(server)?;
        server.kill()?;
        if down == Duration::MAX {
            return Ok(());
        }
        thread::sleep(down);
        server.restart()
    }

    fn freeze(&self, server: usize, time: Duration) -> io::Result<()> {
        let process = self.group.server(server)?.process()?;
        process.freeze()?;
        thread::sleep(time);
        process.thaw()
    }
}

/// Makes a server evict keys at random, until it has evicted some hundred.
fn evict(server: &RedisServer) -> io::Result<()> {
    let mut connection = server.connection()?;
    let mut ask = |words: &[&str]| -> io::Result<redis::Value> {
        let mut command = redis::cmd(words.first().copied().unwrap_or_default());
        command.arg(words.get(1..).unwrap_or_default());
        command.query(&mut connection).map_err(io::Error::other)
    };
    let _ok = ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"])?;
    // Less than the server uses when it is empty: each new key evicts others.
    let _ok = ask(&["CONFIG", "SET", "maxmemory", "1"])?;
    let filler = "x".repeat(512);
    for number in 0..50 {
        // All keys are gone, and the server refuses.
        let _refused = ask(&["SET", &format!("filler:{number}"), &filler]);
    }
    let _ok = ask(&["CONFIG", "SET", "maxmemory", "0"])?;
    let _ok = ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"])?;
    Ok(())
}
