// Empty on purpose: it lets this package declare functions without a body.
