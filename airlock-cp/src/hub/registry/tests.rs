use std::net::{IpAddr, Ipv4Addr};

use airlock_core::principal::ActorKind;
use airlock_core::time::Timestamp;

use super::*;

fn tenant() -> TenantId {
    "t_acme".parse().unwrap()
}

fn asker(id: &str) -> Actor {
    Actor { kind: ActorKind::ApiKey, id: id.to_owned(), name: None }
}

fn worker(name: &str, session: u32) -> LiveWorker {
    LiveWorker {
        tenant_id: tenant(),
        worker_id: format!("w_{name}").parse().unwrap(),
        session_id: format!("s_{session:026}").parse().unwrap(),
        version: "0.1.0".into(),
        connected_at: Timestamp::default(),
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        in_flight: 0,
        draining: false,
    }
}

fn add(registry: &Registry, name: &str, session: u32) -> Arc<Live> {
    registry.add(worker(name, session), mpsc::channel(1).0).0
}

fn pick(registry: &Registry, subject: Option<u8>) -> Option<Result<Slot, NoSlot>> {
    registry.pick(&tenant(), subject.map(|s| [s; 32]).as_ref(), &[])
}

fn name(slot: &Slot) -> String {
    slot.live().worker.worker_id.to_string()
}

#[test]
fn calls_without_a_subject_go_where_least_is_in_flight() {
    let registry = Registry::default();
    add(&registry, "aa", 1);
    add(&registry, "bb", 2);
    let slots: Vec<_> = (0..10).map(|_| pick(&registry, None).unwrap().unwrap()).collect();
    assert_eq!(slots.iter().filter(|s| name(s) == "w_aa").count(), 5);
    drop(slots);
    assert!(registry.workers(&tenant()).iter().all(|w| w.in_flight == 0));
}

#[test]
fn a_subject_keeps_its_worker_and_only_a_lost_workers_subjects_move() {
    let registry = Registry::default();
    let lives = [add(&registry, "aa", 1), add(&registry, "bb", 2), add(&registry, "cc", 3)];
    let homes = |registry: &Registry| -> Vec<String> {
        (0..60).map(|s| name(&pick(registry, Some(s)).unwrap().unwrap())).collect()
    };
    let before = homes(&registry);
    assert_eq!(before, homes(&registry));
    for live in &lives {
        assert!(before.contains(&live.worker.worker_id.to_string()));
    }
    registry.remove(&lives[0]);
    for (was, is) in before.iter().zip(homes(&registry)) {
        assert!(*was == is || was == "w_aa", "{was} -> {is}");
    }
}

#[test]
fn a_full_or_draining_or_tried_worker_is_passed_over() {
    let registry = Registry::default();
    let a = add(&registry, "aa", 1);
    let b = add(&registry, "bb", 2);
    let slots: Vec<_> =
        (0..2 * CALLS_IN_FLIGHT_MAX).map(|_| pick(&registry, Some(7)).unwrap().unwrap()).collect();
    assert!(pick(&registry, Some(7)).is_none());
    drop(slots);
    a.set_draining();
    assert_eq!(name(&pick(&registry, None).unwrap().unwrap()), "w_bb");
    let tried = [b.worker.session_id.clone()];
    assert_eq!(registry.pick(&tenant(), None, &tried).unwrap().unwrap_err(), NoSlot::NoWorker);
}

#[test]
fn a_newer_tunnel_takes_the_older_ones_place() {
    let registry = Registry::default();
    let old = add(&registry, "aa", 1);
    let (_, older) = registry.add(worker("aa", 2), mpsc::channel(1).0);
    assert_eq!(older.unwrap().worker.session_id, old.worker.session_id);
    assert_eq!(registry.len(), 1);
    // The older one's end does not take the newer one out.
    registry.remove(&old);
    assert_eq!(registry.len(), 1);
    assert_eq!(registry.take(|w| w.worker_id.as_str() == "w_aa").len(), 1);
    assert!(registry.0.lock().is_empty());
}

#[tokio::test]
async fn a_few_wait_a_little_and_the_rest_hear_busy() {
    let registry = Registry::default();
    assert_eq!(
        registry.acquire(&tenant(), &asker("a"), None, &[], PATIENCE).await.unwrap_err(),
        NoSlot::NoWorker
    );
    add(&registry, "aa", 1);
    let mut slots: Vec<_> =
        (0..CALLS_IN_FLIGHT_MAX).map(|_| pick(&registry, None).unwrap().unwrap()).collect();

    let (tenant, asker) = (tenant(), asker("a"));
    let mut queue: Vec<_> =
        (0..=WAITING_MAX).map(|_| Box::pin(registry.acquire(&tenant, &asker, None, &[], PATIENCE))).collect();
    for waiting in &mut queue[..WAITING_MAX] {
        assert!(futures::poll!(waiting).is_pending());
    }
    assert!(registry.1.render().contains(&format!("airlock_cp_tunnel_queue {WAITING_MAX}\n")));
    // The queue is full.
    assert!(matches!(futures::poll!(&mut queue[WAITING_MAX]), std::task::Poll::Ready(Err(NoSlot::Busy))));
    // The first in the queue gets what is freed; one that left is passed over.
    drop(queue.remove(0));
    slots.pop();
    let slot = queue.remove(0).await.unwrap();
    assert!(futures::poll!(&mut queue[0]).is_pending());
    drop(queue);
    // Whoever has no patience left gives up.
    assert_eq!(registry.acquire(&tenant, &asker, None, &[], Duration::ZERO).await.unwrap_err(), NoSlot::Busy);
    drop((slot, slots));
    assert!(registry.0.lock()[&tenant].queue.0.lock().is_empty());
    assert!(registry.1.render().contains("airlock_cp_tunnel_queue 0\n"));
}

#[tokio::test]
async fn askers_take_turns() {
    let registry = Registry::default();
    add(&registry, "aa", 1);
    let mut slots: Vec<_> =
        (0..CALLS_IN_FLIGHT_MAX).map(|_| pick(&registry, None).unwrap().unwrap()).collect();
    let (tenant, much, little) = (tenant(), asker("much"), asker("little"));
    let mut flood: Vec<_> =
        (0..WAITING_MAX).map(|_| Box::pin(registry.acquire(&tenant, &much, None, &[], PATIENCE))).collect();
    for call in &mut flood {
        assert!(futures::poll!(call).is_pending());
    }
    // Full, and yet there is room for who has nothing in it.
    let mut other = Box::pin(registry.acquire(&tenant, &little, None, &[], PATIENCE));
    assert!(futures::poll!(&mut other).is_pending());
    assert_eq!(flood.pop().unwrap().await.unwrap_err(), NoSlot::Busy);
    slots.pop();
    let _first = flood.remove(0).await.unwrap();
    slots.pop();
    let _second = other.await.unwrap();
    for call in &mut flood {
        assert!(futures::poll!(call).is_pending());
    }
    // One that was told and leaves passes the word on.
    slots.pop();
    drop(flood.remove(0));
    flood.remove(0).await.unwrap();
}

#[tokio::test]
async fn whoever_waits_learns_that_the_last_worker_left() {
    let registry = Registry::default();
    let live = add(&registry, "aa", 1);
    let _slots: Vec<_> = (0..CALLS_IN_FLIGHT_MAX).map(|_| pick(&registry, None).unwrap().unwrap()).collect();
    let (tenant, asker) = (tenant(), asker("a"));
    let mut waiting = Box::pin(registry.acquire(&tenant, &asker, None, &[], PATIENCE));
    assert!(futures::poll!(&mut waiting).is_pending());
    registry.remove(&live);
    assert_eq!(waiting.await.unwrap_err(), NoSlot::NoWorker);
    assert!(registry.0.lock().is_empty());
}
