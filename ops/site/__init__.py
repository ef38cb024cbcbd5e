"""The documentation site: pages gathered from where they lie, references made from the code, checked.

``make docs`` builds it (``python -m ops.site``); it lies in ``build/docs/site`` then.

Reading order: `site_pages` (which page comes from where), `markdown_text` (headings, sections, links),
`gathering` (sources into one folder), `cli_page`, `alert_rules_page`, `topics_page`, `python_page`,
`equations_page` and `home_page` (made from code), `built_site` (what is checked of the result),
`blocks` and `block_session` (commands on pages that are run).
"""
