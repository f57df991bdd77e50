//! Results in object stores: in memory, and in a folder by its URL. Only with the feature `object-store`.
use std::sync::Arc;

use prefect::object_store::ObjectStoreExt as _;
use prefect::object_store::memory::InMemory;
use prefect::object_store::path::Path;
use prefect::prelude::*;
use prefect::{ObjectStoreResult, RunSettings};
use prefect_tests::seen::{message_of, states};

#[task(target = "rows/{day} ü.json")]
fn rows(day: u8) -> Vec<u8> {
    vec![day; 3]
}

#[test]
fn results_are_kept_and_found() {
    let memory = Arc::new(InMemory::new());
    let store = ObjectStoreResult::new(memory.clone(), "team/results");
    let flow = flow!("rows", result = store, { rows(7) });
    assert_eq!(states(&flow.run()), ["rows Success"]);
    let again = flow.run();
    assert_eq!((states(&again), again.output().unwrap()), (vec!["rows Cached".to_owned()], vec![7, 7, 7]));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let path = Path::parse("team/results/rows/7 ü.json").unwrap();
    let bytes = runtime.block_on(async { memory.get(&path).await.unwrap().bytes().await.unwrap() });
    assert_eq!(&bytes[..], b"[7,7,7]");
    // One that is no result.
    runtime.block_on(async { memory.put(&path, "[7,".into()).await.unwrap() });
    let broken = message_of(&flow.run(), "rows");
    assert!(
        broken.starts_with("Unexpected error: the result at team/results/rows/7 ü.json in InMemory is no "),
        "{broken}"
    );
}

/// The thread that waits may be one of an async runtime, or a worker; the store's own work is done elsewhere.
#[tokio::test(flavor = "current_thread")]
async fn an_async_runtime_is_not_in_the_way() {
    let store = ObjectStoreResult::new(Arc::new(InMemory::new()), "");
    let flow = flow!("rows", result = store, { rows::map(vec![1, 2, 3]) });
    assert_eq!(flow.run_async().await.state().kind(), Success);
    let local = flow.with(RunSettings::new().executor(prefect::Executor::Local)).run_async().await;
    assert_eq!(local.output().unwrap(), [[1, 1, 1], [2, 2, 2], [3, 3, 3]]);
}

#[test]
fn a_folder_by_its_url() {
    let folder = std::env::temp_dir().join(format!("prefect-object-store-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let store = ObjectStoreResult::from_url(&format!("file://{}/below", folder.display())).unwrap();
    let flow = flow!("rows", result = store, { rows(9) });
    flow.run();
    assert_eq!(std::fs::read(folder.join("below/rows/9 ü.json")).unwrap(), b"[9,9,9]");
    assert_eq!(states(&flow.run()), ["rows Cached"]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_is_no_store_says_why() {
    for (url, why) in [
        ("results", "results is no object store: relative URL without a base"),
        ("ftp://example.org/x", "ftp://example.org/x is no object store: "),
    ] {
        let error = ObjectStoreResult::from_url(url).unwrap_err().to_string();
        assert!(error.starts_with(why), "{error}");
    }
    // Nobody is asked before the first result: a client can be made without a network.
    assert!(ObjectStoreResult::from_url("s3://bucket/results").is_ok());
}
