"""Brands, products, variants, prices, ingredients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brands",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("brands_pkey")),
        sa.UniqueConstraint("name", name=op.f("brands_name_key")),
        sa.UniqueConstraint("slug", name=op.f("brands_slug_key")),
    )
    op.create_table(
        "ingredients",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("ingredients_pkey")),
        sa.UniqueConstraint("name", name=op.f("ingredients_name_key")),
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("legal_class", sa.Text(), nullable=False),
        sa.Column("doctor_only", sa.Boolean(), nullable=False),
        sa.Column("finished", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.Column("dosage_form", sa.Text(), server_default="", nullable=False),
        sa.Column("route", sa.Text(), server_default="", nullable=False),
        sa.Column("marketing_category", sa.Text(), server_default="", nullable=False),
        sa.Column("application_number", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("strength_text", sa.Text(), server_default="", nullable=False),
        sa.Column("flags", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("marketing_ends_on", sa.Date(), nullable=True),
        sa.Column("listing_expires_on", sa.Date(), nullable=True),
        sa.Column(
            "filed",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("search", postgresql.TSVECTOR(), nullable=True),
        sa.CheckConstraint(
            "doctor_only OR legal_class NOT IN ('rx', 'rx_unapproved')",
            name=op.f("rx_is_doctor_only"),
        ),
        sa.CheckConstraint(
            "legal_class IN ('cosmetic', 'otc_drug', 'rx', 'rx_unapproved', 'clinic_use')",
            name=op.f("legal_class_is_known"),
        ),
        sa.CheckConstraint("source IN ('ndc', 'lnhpd', 'csv')", name=op.f("source_is_known")),
        sa.ForeignKeyConstraint(["brand_id"], ["brands.id"], name=op.f("products_brand_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("products_pkey")),
        sa.UniqueConstraint("id", "legal_class", "doctor_only", name="products_class_key"),
        sa.UniqueConstraint("slug", name=op.f("products_slug_key")),
        sa.UniqueConstraint("source", "source_key", name="products_source_key"),
    )
    op.create_index(op.f("products_brand_id_idx"), "products", ["brand_id"], unique=False)
    op.create_index(
        "products_name_trgm_idx",
        "products",
        ["name"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.create_index(
        "products_search_idx", "products", ["search"], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "product_ingredients",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("ingredient_id", sa.Uuid(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("strength_text", sa.Text(), server_default="", nullable=False),
        sa.Column("percent", sa.Numeric(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ingredient_id"],
            ["ingredients.id"],
            name=op.f("product_ingredients_ingredient_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("product_ingredients_product_id_fkey")
        ),
        sa.PrimaryKeyConstraint("product_id", "position", name=op.f("product_ingredients_pkey")),
    )
    op.create_index(
        op.f("product_ingredients_ingredient_id_idx"),
        "product_ingredients",
        ["ingredient_id"],
        unique=False,
    )
    op.create_table(
        "variants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("legal_class", sa.Text(), nullable=False),
        sa.Column("doctor_only", sa.Boolean(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("package_ndc", sa.Text(), nullable=True),
        sa.Column("package_ndc11", sa.Text(), nullable=True),
        sa.Column("gtin", sa.Text(), nullable=True),
        sa.Column("net_content", sa.Numeric(), nullable=True),
        sa.Column("net_unit", sa.Text(), nullable=True),
        sa.Column("for_sale", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "filed",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "NOT for_sale OR legal_class <> 'clinic_use'", name=op.f("clinic_use_is_never_sold")
        ),
        sa.CheckConstraint("net_content > 0", name=op.f("net_content_is_positive")),
        sa.ForeignKeyConstraint(
            ["product_id", "legal_class", "doctor_only"],
            ["products.id", "products.legal_class", "products.doctor_only"],
            name="variant_is_of_its_products_class",
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("variants_pkey")),
        sa.UniqueConstraint("gtin", name=op.f("variants_gtin_key")),
        sa.UniqueConstraint("package_ndc", name=op.f("variants_package_ndc_key")),
        sa.UniqueConstraint("sku", name=op.f("variants_sku_key")),
    )
    op.create_index(op.f("variants_product_id_idx"), "variants", ["product_id"], unique=False)
    op.create_table(
        "prices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("variant_id"), "="),
            (sa.text("tstzrange(valid_from, valid_until)"), "&&"),
            using="gist",
            name="prices_do_not_overlap",
        ),
        sa.CheckConstraint("cents BETWEEN 0 AND 10000000", name=op.f("price_is_sane")),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("prices_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("prices_pkey")),
        sa.UniqueConstraint("id", "variant_id", "cents", name="prices_terms_key"),
    )


def downgrade() -> None:
    op.drop_table("prices")
    op.drop_index(op.f("variants_product_id_idx"), table_name="variants")
    op.drop_table("variants")
    op.drop_index(op.f("product_ingredients_ingredient_id_idx"), table_name="product_ingredients")
    op.drop_table("product_ingredients")
    op.drop_index("products_search_idx", table_name="products", postgresql_using="gin")
    op.drop_index(
        "products_name_trgm_idx",
        table_name="products",
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.drop_index(op.f("products_brand_id_idx"), table_name="products")
    op.drop_table("products")
    op.drop_table("ingredients")
    op.drop_table("brands")
