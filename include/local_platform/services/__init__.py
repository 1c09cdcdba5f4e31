"""What a service is, and each service of the platform; the machine, compose and the tests start them from here."""
