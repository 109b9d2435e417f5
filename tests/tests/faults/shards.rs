//! A stream of several shards. The emulator's has one: so the records of a question are delivered
//! again by hand, as those of another question that nobody has answered.

use std::collections::BTreeMap;

use cuepoint_e2e::{
    api::RunPath,
    chaos::{
        Scene,
        question::{Question, SECONDS},
        stream,
    },
};
use serde_json::{Value, json};

use super::{Show, in_time};

/// A question that nobody answers, with the answers of another one in its stream.
pub(crate) struct Mirror {
    pub(crate) question: Question,
    original: RunPath,
}

impl Mirror {
    pub(crate) async fn of(scene: &Scene, original: &Question) -> Self {
        let run = Scene::new_run();
        let question = scene
            .functions
            .open(&run, &original.id, (SECONDS, 3))
            .await
            .unwrap();
        Self {
            question,
            original: original.run.clone(),
        }
    }

    /// Records of the original as if they were of this one.
    pub(crate) fn records(&self, records: &[Value]) -> Vec<Value> {
        let text = json!(records).to_string();
        let text = text.replace(&self.original.run_id, &self.question.run.run_id);
        let text = text.replace(&self.original.quiz_id, &self.question.run.quiz_id);
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn live(&self, scene: &Scene) -> Vec<u64> {
        let api = scene.crowd[0].api();
        let results = api.results(&self.question.run, &self.question.id).await;
        let results = results.unwrap().expect(200).unwrap();
        serde_json::from_value(results["live"].clone()).unwrap()
    }
}

fn partition(record: &Value) -> String {
    let partition = &record["dynamodb"]["NewImage"]["partition"]["S"];
    partition.as_str().unwrap().to_owned()
}

/// A partition is in one shard at a time, and in that shard's child when it has been split: which is
/// read when its parent has been.
#[tokio::test]
async fn several_stream_shards_that_split_half_way() {
    let mut show = Show::open(3).await;
    let parts = show.parts(in_time);
    let scene = &show.scene;
    let round = scene.play(&show.question, parts).await.unwrap();
    let run_id = &show.question.run.run_id;
    let records = show.stream.of_run(run_id).await.unwrap();
    let mirror = Mirror::of(scene, &show.question).await;
    let records = mirror.records(&records);
    let (before, after) = records.split_at(records.len() / 2);
    let mut used = 0;
    for (generation, records) in [("parent", before), ("child", after)] {
        let mut shards: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for record in records {
            let shard = format!("shard-{generation}-{}", partition(record));
            shards.entry(shard).or_default().push(record.clone());
        }
        used += shards.len();
        for (shard, records) in &shards {
            for batch in stream::resplit(records.len(), &mut show.random) {
                let batch = &records[batch];
                stream::deliver(&scene.functions, batch, Some(shard))
                    .await
                    .unwrap();
            }
        }
    }
    assert!(used >= 4, "only {used} shards");
    assert_eq!(mirror.live(scene).await, round.counts);
    let verdict = scene.judge(round).await.unwrap();
    assert_eq!(verdict.problems, Vec::<String>::new());
}
