"""Who receives: subscribers, mailing lists, subscriptions, suppressions."""
