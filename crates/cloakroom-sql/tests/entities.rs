//! SeaORM's connections and entities.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "entities are public the way SeaORM writes them")]
#![cfg(all(feature = "sea-orm", feature = "sqlite"))]

mod support;

use cloakroom_core::layout::{Column, DataColumn};
use cloakroom_core::{ErrorKind, Lifetime, Loaded, Put, Record, Store as _, StoreKey, Timestamp};
use cloakroom_sql::{EntityError, SqlStore, Startup, Sweep, layout_of};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, EntityTrait as _, Schema, SqlxSqliteConnector};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

mod visits {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "web visits")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false, column_name = "sid")]
        pub key: Vec<u8>,
        pub version: i64,
        #[sea_orm(column_name = "account", indexed)]
        pub user_id: Option<String>,
        pub handle: Option<Vec<u8>>,
        pub authenticated_at: Option<i64>,
        pub method: Option<String>,
        pub proof: Option<Vec<u8>>,
        pub format: String,
        #[sea_orm(column_type = "Json", column_name = "sess")]
        pub data: Json,
        pub created_at: i64,
        pub seen_at: i64,
        pub expires_at: i64,
        pub deadline_at: Option<i64>,
        pub idle_ms: Option<i64>,
        pub absolute_ms: Option<i64>,
        pub persistence: i16,
        pub device: Option<String>,
        pub verifier: Vec<u8>,
        #[sea_orm(indexed)]
        pub sweep_at: i64,
        pub note: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod lacking {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "lacking")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub key: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

async fn connection() -> DatabaseConnection {
    let pool = support::sqlite_pool(&support::folder().join("entities.sqlite"), 2).await;
    SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)
}

#[test]
fn an_entity_stands_for_the_table() {
    support::run(async {
        let layout = layout_of::<visits::Entity>().unwrap();
        assert_eq!(layout.table(), "web visits");
        assert_eq!(layout.column(Column::Key), "sid");
        assert_eq!(layout.column(Column::User), "account");
        assert_eq!(layout.column(Column::Data), "sess");
        assert_eq!(layout.column(Column::Seen), "seen_at");
        assert_eq!(layout.data(), DataColumn::Json);

        let connection = connection().await;
        let schema = Schema::new(connection.get_database_backend());
        connection.execute(&schema.create_table_from_entity(visits::Entity)).await.unwrap();
        for index in schema.create_index_from_entity(visits::Entity) {
            connection.execute(&index).await.unwrap();
        }
        let store = SqlStore::builder(connection.clone())
            .layout(layout)
            .startup(Startup::CheckOnly)
            .sweep(Sweep::Off)
            .build()
            .await
            .unwrap();
        let key = StoreKey::from_bytes(vec![9; 32]);
        let mut record = Record::new(Lifetime::default(), NOW);
        record.data.insert("views".to_owned(), 1.into());
        store.put(&key, Put::New, &record, NOW).await.unwrap();
        let Loaded::Live(stored) = store.load(&key, NOW).await.unwrap() else { panic!("not live") };
        assert_eq!(stored.record, record);
        let model = visits::Entity::find().one(&connection).await.unwrap().unwrap();
        assert_eq!((model.key, model.data), (vec![9; 32], serde_json::json!({"views": 1})));
    });
}

#[test]
fn an_entity_without_a_column_is_refused_by_name() {
    assert_eq!(layout_of::<lacking::Entity>(), Err(EntityError::MissingColumn("version".to_owned())));
}

#[test]
fn a_connection_without_a_pool_is_refused_when_the_store_is_built() {
    support::run(async {
        let error = SqlStore::builder(DatabaseConnection::default()).build().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(format!("{error:?}").contains("no sqlx pool"), "{error:?}");
    });
}
