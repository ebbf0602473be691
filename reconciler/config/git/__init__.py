"""Following a branch of a git repository. `checkout.GitCheckout` is the door; only what is below it imports the git library."""
