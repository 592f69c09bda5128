"""Who may use the API: tokens, what each of them is allowed, and the door that asks for one."""
