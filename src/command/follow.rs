//! A service follows its data: a build that is finished and a store that was loaded are served without a restart.

use super::check_model;
use crate::blocking::blocking;
use crate::cli::{DataArgs, ModelArgs};
use crate::collection::Collection;
use crate::collection::stamp::Stamp;
use crate::http::{AppState, Live};
use crate::search::Method;
use crate::sparql::Sparql;
use crate::store::{StoreStamp, View};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// Between two looks. What has changed is read when it is the same at two of them.
const LOOK: Duration = Duration::from_secs(2);

/// What tells one state of the data from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamps {
    /// `None` while the collection is replaced.
    collection: Option<Stamp>,
    /// `None` while the store is written to. Of a service without a store, always.
    store: Option<StoreStamp>,
}

impl Stamps {
    /// Those of now. Blocks.
    pub(super) fn of(data: &DataArgs) -> Self {
        Self {
            collection: Stamp::of(&data.data_dir),
            store: data.store.as_deref().and_then(StoreStamp::of),
        }
    }
}

/// What looks at the data of a service.
#[derive(Clone)]
pub(super) struct Follower {
    pub(super) data: DataArgs,
    pub(super) model: ModelArgs,
    pub(super) live: Live,
}

impl Follower {
    /// Replaces what is served, of which `served` tells, whenever the data have become others; for ever.
    pub(super) async fn follow(self, mut served: Stamps) {
        let (mut before, mut refused) = (served.clone(), None);
        loop {
            tokio::time::sleep(LOOK).await;
            let data = self.data.clone();
            let Ok(now) = blocking(move || Ok(Stamps::of(&data))).await else {
                continue;
            };
            let is_settled = now == before;
            before = now.clone();
            let is_whole =
                now.collection.is_some() && (now.store.is_some() || self.data.store.is_none());
            if !is_settled || !is_whole || now == served || refused.as_ref() == Some(&now) {
                continue;
            }
            let (follower, from, to) = (self.clone(), served.clone(), now.clone());
            let runtime = Handle::current();
            match blocking(move || follower.open(&from, &to, runtime)).await {
                Ok(Some(state)) => {
                    tracing::info!(
                        images = state.sparql().engine().collection().len(),
                        "new data are served"
                    );
                    let live = self.live.clone();
                    // The old data are given back there.
                    let _ = blocking(move || {
                        live.replace(Arc::new(state));
                        Ok(())
                    })
                    .await;
                    served = now;
                }
                // It has changed again; the next look tells.
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(
                        "the new data are not served, those of before still are: {error:#}"
                    );
                    refused = Some(now);
                }
            }
        }
    }

    /// The state that serves the data as they are at `to`. Blocks.
    fn open(
        &self,
        from: &Stamps,
        to: &Stamps,
        runtime: Handle,
    ) -> anyhow::Result<Option<AppState>> {
        let now = self.live.now();
        let engine = now.sparql().engine();
        let engine = if from.collection == to.collection {
            Arc::clone(engine)
        } else {
            let data = &self.data;
            let collection =
                Collection::open_in(&data.data_dir, data.iiif_column(), data.features_in)?;
            check_model(&self.data, &collection, &self.model, &**engine.encoder())?;
            if engine.method() != Method::Exact && collection.ivf().is_none() {
                tracing::warn!(
                    "{} has no lists, so that it is searched exactly until `clip-search index --approximate` was run",
                    data.data_dir.display()
                );
            }
            Arc::new(engine.over(Arc::new(collection)))
        };
        let (store, files) = View::open(self.data.store.as_deref())?.into_parts();
        let options = now.sparql().options().clone();
        let sparql = Sparql::new(store, engine, options, runtime);
        let is_still_so = Stamps::of(&self.data) == *to;
        Ok(is_still_so.then(|| now.successor(sparql).with_store_files(files)))
    }
}
