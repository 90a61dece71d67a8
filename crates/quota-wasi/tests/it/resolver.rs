//! A resolver that answers as a test wants.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};

use quota_wasi::{NameLookup, Resolver, Resolving};
use tokio::time::sleep;

/// An answer about a name.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Addresses(Vec<IpAddr>),
    After(Duration, Vec<IpAddr>),
    Error(io::ErrorKind),
    Never,
}

/// A resolver that answers as a test wants: each answer in turn, the last one again and again.
/// About names that it was told nothing of, it answers that there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Teller(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    answers: HashMap<String, VecDeque<Told>>,
    asked: Vec<String>,
}

impl Teller {
    pub(crate) fn tell(self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.answer(name, Told::Addresses(addresses))
    }

    pub(crate) fn answer(self, name: &str, told: Told) -> Self {
        self.0.lock().unwrap().answers.entry(name.to_owned()).or_default().push_back(told);
        self
    }

    /// The names that it was asked about, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }

    fn next(&self, name: &str) -> Told {
        let mut inner = self.0.lock().unwrap();
        inner.asked.push(name.to_owned());
        match inner.answers.get_mut(name) {
            Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
            Some(answers) => answers[0].clone(),
            None => Told::Error(io::ErrorKind::NotFound),
        }
    }
}

impl Resolver for Teller {
    fn resolve<'a>(&'a self, lookup: &'a NameLookup) -> Resolving<'a> {
        let told = self.next(lookup.name());
        Box::pin(async move {
            match told {
                Told::Addresses(addresses) => Ok(addresses),
                Told::After(time, addresses) => {
                    sleep(time).await;
                    Ok(addresses)
                }
                Told::Error(kind) => Err(kind.into()),
                Told::Never => core::future::pending().await,
            }
        })
    }
}
