// Package expvar publishes what tidegate holds among the variables of the standard library's expvar,
// at /debug/vars. It is a package of its own, because importing expvar adds a handler to
// http.DefaultServeMux.
package expvar

import (
	"encoding/json"
	"expvar"

	tidegate "github.com/tidegate/tidegate/bindings/go"
)

// Publish publishes the snapshot of engine as the variable name. Like [expvar.Publish] it wants a name
// that is not taken. After [tidegate.Engine.Close] the variable says so.
func Publish(name string, engine *tidegate.Engine) { expvar.Publish(name, Var(engine)) }

// Var is an engine as a variable: its snapshot, as JSON, taken when it is read. With names it has only
// the metrics and guards that are called so; "*" in a name stands for anything.
func Var(engine *tidegate.Engine, names ...string) expvar.Var {
	return variable{engine, tidegate.RenderOptions{Names: names}}
}

type variable struct {
	engine  *tidegate.Engine
	options tidegate.RenderOptions
}

func (v variable) String() string {
	text, err := v.render()
	if err != nil {
		text, _ = json.Marshal(map[string]string{"error": err.Error()})
	}
	return string(text)
}

func (v variable) render() ([]byte, error) {
	snapshot, err := v.engine.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	return snapshot.RenderWith(tidegate.JSON, v.options)
}
