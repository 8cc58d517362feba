package tidegate

//go:generate sh native.sh
