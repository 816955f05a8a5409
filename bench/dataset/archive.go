package dataset

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// Apps on phones hand an export over as one zip file. It is read as the folder
// that it unpacks to, without unpacking it.

// isArchive reports whether a file is a zip archive, by its first bytes.
func isArchive(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	magic := make([]byte, 4)
	if _, err := io.ReadFull(f, magic); err != nil {
		return false, nil // too short: whoever reads it says what is wrong
	}
	return bytes.Equal(magic, []byte("PK\x03\x04")), nil
}

// openArchive returns what is in a zip file as a directory. Where everything
// lies in one folder, that folder is meant. The caller closes it.
func openArchive(path string) (*directory, error) {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return nil, &LineError{path, 0, fmt.Errorf("damaged zip file: %w", err)}
	}
	d := archiveDirectory(path, archive.File)
	d.close = func() { archive.Close() }
	return d, nil
}

// archiveDirectory returns the members of an archive as a directory.
func archiveDirectory(path string, members []*zip.File) *directory {
	d := newDirectory(path)
	d.members = map[string]*zip.File{}
	top := commonFolder(members)
	for _, member := range members {
		name := strings.TrimPrefix(member.Name, top)
		if name == "" || strings.HasSuffix(name, "/") {
			continue
		}
		if folder, _, inside := strings.Cut(name, "/"); inside {
			d.add(folder, true)
			continue
		}
		d.add(name, false)
		d.members[name] = member
	}
	return d
}

// commonFolder returns the folder that all files of an archive lie in, with a
// slash behind it, or "".
func commonFolder(members []*zip.File) string {
	common, first := "", true
	for _, member := range members {
		if strings.HasPrefix(member.Name, "__MACOSX/") || strings.HasSuffix(member.Name, "/") {
			continue // what file managers leave behind, and folders by themselves
		}
		folder, _, inside := strings.Cut(member.Name, "/")
		if !inside || !first && folder+"/" != common {
			return ""
		}
		common, first = folder+"/", false
	}
	return common
}

// openMember opens one file of an archive.
func (d *directory) openMember(name string, maxBytes int64) (*source, error) {
	shown := path.Join(d.path, name)
	f, err := d.members[name].Open()
	if err != nil {
		return nil, &LineError{shown, 0, fmt.Errorf("damaged zip file: %w", err)}
	}
	s, err := newSource(shown, f, maxBytes)
	if err != nil {
		f.Close()
		return nil, err
	}
	inner := s.close
	s.close = func() { inner(); f.Close() }
	return s, nil
}
