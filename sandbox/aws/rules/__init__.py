"""What AWS does: a module a subject, and in it a table `RULES`."""
