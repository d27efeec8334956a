"""Facts for analysts, in ClickHouse."""
