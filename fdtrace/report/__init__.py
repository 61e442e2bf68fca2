"""How findings and tables are said: on a terminal, as text for programs, as JSON."""
