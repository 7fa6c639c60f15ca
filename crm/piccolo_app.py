"""Piccolo's list of our tables and where their migrations are."""

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="crm",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=table_finder(
        [
            f"crm.tables.{noun}"
            for noun in (
                "networks",
                "organisations",
                "sizes",
                "profiles",
                "listings",
                "labels",
                "endings",
                "activities",
                "contributions",
                "incomes",
                "surveys",
                "erasures",
                "retention",
                "memberships",
                "mergers",
                "applications",
                "invoices",
                "sync",
                "shares",
                "member_lists",
                "partner_writes",
                "mail",
                "webhooks",
                "federation",
                "accounts",
                "factors",
                "people",
                "audit",
                "register",
                "reviews",
                "places",
                "payments",
                "ledger",
                "cards",
                "dunning",
                "renewals",
                "fee_shares",
                "member_imports",
                "notes",
                "todos",
                "member_documents",
                "mailings",
                "mail_texts",
                "tags",
                "custom_fields",
                "saved_views",
                "bulk_runs",
                "saved_reports",
            )
        ]
    ),
    migration_dependencies=[],
)
