module tidegate.invalid/peers/buckets

go 1.24

require golang.org/x/time v0.11.0
