"""Who uses the console: local accounts or a proxy's word, sessions as cookies, tries of a login."""
