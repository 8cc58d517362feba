package tidegate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// packages are the folders of this module and of the modules below it that others import.
func packages(t *testing.T) []string {
	t.Helper()
	var folders []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "bench"):
			return fs.SkipDir
		case entry.IsDir():
			if files, _ := filepath.Glob(filepath.Join(path, "*.go")); len(files) > 0 {
				folders = append(folders, path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}

// parsed is what a folder's files hold, those of tests or the others.
func parsed(t *testing.T, folder string, tests bool) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") != tests {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func TestEverythingThatIsExportedIsDocumented(t *testing.T) {
	for _, folder := range packages(t) {
		hasDoc := false
		for _, file := range parsed(t, folder, false) {
			hasDoc = hasDoc || file.Doc != nil
			for _, declaration := range file.Decls {
				undocumented(declaration, func(name string) { t.Errorf("%s: %s has no comment", folder, name) })
			}
		}
		if !hasDoc {
			t.Errorf("%s: the package has no comment", folder)
		}
	}
}

// undocumented tells the exported names of a declaration that nobody says anything about.
func undocumented(declaration ast.Decl, tell func(name string)) {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || ast.IsExported(receiver(d))) {
			tell(d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					tell(s.Name.Name)
				}
			case *ast.ValueSpec: // a group has one comment for all
				for _, name := range s.Names {
					if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						tell(name.Name)
					}
				}
			}
		}
	}
}

func receiver(d *ast.FuncDecl) string {
	of := d.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	if generic, ok := of.(*ast.IndexExpr); ok {
		of = generic.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// What a program opens or makes by itself has an example, which go test runs.
func TestEveryTypeThatDoesSomethingHasAnExample(t *testing.T) {
	shown := map[string]bool{}
	for _, file := range parsed(t, ".", true) {
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Example") {
				of, _, _ := strings.Cut(strings.TrimPrefix(f.Name.Name, "Example"), "_")
				shown[of] = true
			}
		}
	}
	for _, file := range parsed(t, ".", false) {
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() {
				continue
			}
			of := receiver(f)
			// Values that come with something else are shown with that.
			plain := strings.HasSuffix(of, "Config") || strings.HasSuffix(of, "Permit") || strings.HasPrefix(of, "Batch") && of != "Batch"
			switch of {
			case "BreakerPhase", "BreakerReason", "Code", "Probe", "List", "Error", "Denied", "Outcome", "Health", "Format", "Data",
				"OperationCall", "Reservation":
				plain = true
			}
			if ast.IsExported(of) && !plain && !shown[of] {
				shown[of] = true
				t.Errorf("%s has no example", of)
			}
		}
	}
}
