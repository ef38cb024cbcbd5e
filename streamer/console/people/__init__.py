"""Who uses the console: local accounts, a proxy's word or a provider's; sessions, tries of a login."""
