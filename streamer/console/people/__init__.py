"""Who uses the console: accounts from a file, sessions as cookies, how often a login may be tried."""
