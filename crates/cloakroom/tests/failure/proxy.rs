//! A TCP proxy between the application and its database that breaks on command, at a chosen point of the conversation.
//!
//! A point is named by bytes that pass: a session's key or data is in the message that carries its statement, whatever
//! the protocol. Both databases answer a statement when it is committed and not before, so the first byte that comes
//! back after such a message says that the database has done its part.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to one connection at the chosen point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The statement does not reach the database.
    Lost(End),
    /// The statement reaches the database, and its answer does not come back.
    Unanswered(End),
    /// The database's answer comes back, but for its second half.
    Torn(End),
    /// The statement reaches the database, its answer does not come back, and from then on every connection is reset.
    Collapse,
    /// The application's half of the connection is closed towards the database, which still answers.
    LastWords,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With RST, as when a process dies or a firewall says no.
    Reset,
    /// With FIN in both directions.
    Close,
    /// With FIN towards the application, whose own half stays open and leads nowhere.
    Half,
    /// Not at all: it stays open, and nothing passes any more in either direction.
    Silence,
}

/// What becomes of every connection, old and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Fair,
    /// Those that were open are reset, and nobody listens.
    Refused,
    /// They are accepted and reset.
    Rejected,
    /// They are accepted, and nothing passes.
    Silent,
    /// They are accepted, and what the application says passes. Answers do not.
    Mute,
}

/// Which messages to the database are meant.
enum Point {
    /// Those that hold these bytes.
    With(Vec<u8>),
    /// Those that are these bytes and nothing else.
    Exactly(Vec<u8>),
}

struct Ambush {
    point: Point,
    /// How many such messages pass before the one that is meant.
    passing: usize,
    fault: Fault,
}

struct Shared {
    server: String,
    ambush: Mutex<Option<Ambush>>,
    weather: watch::Sender<Weather>,
    accepted: watch::Sender<usize>,
    /// How many messages were caught.
    caught: watch::Sender<usize>,
}

/// Listens until it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Bound and not listening: it keeps the port while connections are refused.
    reserve: Option<TcpSocket>,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// Begins to pass connections on to `server`, a host and a port.
    pub(crate) fn start(server: String) -> Self {
        let shared = Arc::new(Shared {
            server,
            ambush: Mutex::new(None),
            weather: watch::Sender::new(Weather::Fair),
            accepted: watch::Sender::new(0),
            caught: watch::Sender::new(0),
        });
        let socket = bound("127.0.0.1:0".parse().unwrap());
        let address = socket.local_addr().unwrap();
        let listening = listen(socket, &shared);
        Self { address, shared, reserve: Some(bound(address)), listening }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next message to the database with `needle` in it meets `fault`, after `passing` others with it.
    pub(crate) fn ambush(&self, needle: impl Into<Vec<u8>>, passing: usize, fault: Fault) {
        *self.shared.ambush() = Some(Ambush { point: Point::With(needle.into()), passing, fault });
    }

    /// The next message to the database that is `message` meets `fault`.
    pub(crate) fn ambush_exactly(&self, message: impl Into<Vec<u8>>, fault: Fault) {
        *self.shared.ambush() = Some(Ambush { point: Point::Exactly(message.into()), passing: 0, fault });
    }

    /// Takes back an ambush that nothing has met, and says whether there was one.
    pub(crate) fn disarm(&self) -> bool {
        self.shared.ambush().take().is_some()
    }

    /// How many messages have met a fault.
    pub(crate) fn caught(&self) -> usize {
        *self.shared.caught.borrow()
    }

    /// Waits until so many messages in all have met a fault.
    pub(crate) async fn has_caught(&self, count: usize) {
        let mut caught = self.shared.caught.subscribe();
        caught.wait_for(|caught| *caught >= count).await.unwrap();
    }

    /// How many connections were ever accepted.
    pub(crate) fn accepted(&self) -> usize {
        *self.shared.accepted.borrow()
    }

    /// Resets every connection; new ones are let through.
    pub(crate) fn cut(&self) {
        self.shared.weather.send_replace(Weather::Fair);
    }

    /// Lets no answer pass, in connections old and new. They stay open.
    pub(crate) fn mute(&self) {
        self.shared.weather.send_replace(Weather::Mute);
    }

    /// Lets nothing pass, in connections old and new. They stay open.
    pub(crate) fn silence(&self) {
        self.shared.weather.send_replace(Weather::Silent);
    }

    /// Resets every connection and refuses new ones.
    pub(crate) async fn refuse(&mut self) {
        self.listening.abort();
        // The port refuses only when the listening socket is gone.
        let _cancelled = (&mut self.listening).await;
        self.shared.weather.send_replace(Weather::Refused);
    }

    /// Lets new connections through again. Those that were open in silence stay as they are, as behind a router that
    /// has forgotten them; others are reset.
    pub(crate) fn mend(&mut self) {
        self.shared.weather.send_replace(Weather::Fair);
        if self.listening.is_finished() {
            self.listening = listen(self.reserve.take().unwrap(), &self.shared);
            self.reserve = Some(bound(self.address));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.shared.weather.send_replace(Weather::Refused);
    }
}

impl Shared {
    fn ambush(&self) -> MutexGuard<'_, Option<Ambush>> {
        self.ambush.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault that a message meets, if it is the one.
    fn meets(&self, message: &[u8]) -> Option<Fault> {
        let mut guard = self.ambush();
        let ambush = guard.as_mut()?;
        let here = match &ambush.point {
            Point::With(needle) => {
                needle.is_empty() || message.windows(needle.len()).any(|window| window == needle)
            }
            Point::Exactly(whole) => message == whole,
        };
        if !here {
            return None;
        }
        if ambush.passing > 0 {
            ambush.passing -= 1;
            return None;
        }
        guard.take().map(|ambush| ambush.fault)
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

fn listen(socket: TcpSocket, shared: &Arc<Shared>) -> JoinHandle<()> {
    let listener: TcpListener = socket.listen(128).unwrap();
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            shared.accepted.send_modify(|accepted| *accepted += 1);
            let weather = shared.weather.subscribe();
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(&shared.server).await else { return reset(client) };
                Connection { client, server, weather, shared }.serve().await;
            });
        }
    })
}

fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
}

struct Connection {
    client: TcpStream,
    server: TcpStream,
    weather: watch::Receiver<Weather>,
    shared: Arc<Shared>,
}

/// Something that has to be looked at.
enum Passing {
    Request(usize),
    Answer(usize),
    Ended,
    WeatherChanged,
}

impl Connection {
    async fn serve(mut self) {
        let (mut requests, mut answers) = (vec![0; 65_536], vec![0; 65_536]);
        let mut awaited = None;
        let weather = *self.weather.borrow();
        match weather {
            Weather::Silent => return self.end(End::Silence).await,
            Weather::Rejected => return self.end(End::Reset).await,
            Weather::Fair | Weather::Mute | Weather::Refused => {}
        }
        loop {
            match self.next(&mut requests, &mut answers).await {
                Passing::Ended => return self.end(End::Close).await,
                Passing::WeatherChanged => {
                    let weather = *self.weather.borrow();
                    match weather {
                        Weather::Mute => {}
                        Weather::Silent => return self.end(End::Silence).await,
                        // A change to fair weather is a cut.
                        Weather::Fair | Weather::Refused | Weather::Rejected => {
                            return self.end(End::Reset).await;
                        }
                    }
                }
                Passing::Request(length) => {
                    let message = requests.get(..length).unwrap_or_default();
                    let fault = self.shared.meets(message);
                    if let Some(Fault::Lost(end)) = fault {
                        self.shared.caught.send_modify(|caught| *caught += 1);
                        return self.end(end).await;
                    }
                    if self.server.write_all(message).await.is_err() {
                        return self.end(End::Close).await;
                    }
                    if fault == Some(Fault::LastWords) {
                        let _ = self.server.shutdown().await;
                        self.shared.caught.send_modify(|caught| *caught += 1);
                    }
                    awaited = fault.or(awaited);
                }
                Passing::Answer(length) => {
                    if *self.weather.borrow() == Weather::Mute {
                        continue;
                    }
                    let passing = match awaited {
                        Some(Fault::Unanswered(_) | Fault::Collapse) => 0,
                        Some(Fault::Torn(_)) => length / 2,
                        _ => length,
                    };
                    if self.client.write_all(answers.get(..passing).unwrap_or_default()).await.is_err() {
                        return self.end(End::Close).await;
                    }
                    if awaited == Some(Fault::Collapse) {
                        self.shared.weather.send_replace(Weather::Rejected);
                        awaited = Some(Fault::Unanswered(End::Reset));
                    }
                    if let Some(Fault::Unanswered(end) | Fault::Torn(end)) = awaited {
                        self.shared.caught.send_modify(|caught| *caught += 1);
                        return self.end(end).await;
                    }
                }
            }
        }
    }

    async fn next(&mut self, requests: &mut [u8], answers: &mut [u8]) -> Passing {
        let passing = |read: std::io::Result<usize>, what: fn(usize) -> Passing| match read {
            Ok(length) if length > 0 => what(length),
            _ => Passing::Ended,
        };
        tokio::select! {
            biased;
            changed = self.weather.changed() => match changed {
                Ok(()) => Passing::WeatherChanged,
                Err(_) => Passing::Ended,
            },
            read = self.server.read(answers) => passing(read, Passing::Answer),
            read = self.client.read(requests) => passing(read, Passing::Request),
        }
    }

    /// Ends both halves. The database always learns of it, so that it does not keep a transaction open.
    async fn end(mut self, end: End) {
        match end {
            End::Reset => {
                reset(self.client);
                reset(self.server);
            }
            End::Close => {}
            End::Half => {
                drop(self.server);
                let _ = self.client.shutdown().await;
                let mut ignored = vec![0; 4_096];
                while matches!(self.client.read(&mut ignored).await, Ok(1..)) {}
            }
            End::Silence => {
                drop(self.server);
                // Until the application gives up and the operating system says so, or the test ends.
                let mut ignored = vec![0; 4_096];
                while matches!(self.client.read(&mut ignored).await, Ok(1..)) {}
            }
        }
    }
}
