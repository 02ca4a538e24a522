import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter, Link, NavLink, Route, Routes } from 'react-router-dom';
import { Alerts } from './pages/Alerts';
import { Logs } from './pages/Logs';
import { Metrics } from './pages/Metrics';
import { Scaling } from './pages/Scaling';
import { Service, Services } from './pages/Services';
import { SloList } from './pages/SloList';
import { SloPage } from './pages/SloPage';
import { TracePage, Traces } from './pages/Traces';
import { Page } from './ui';
import './style.css';

const places = [
  ['/', 'SLOs'],
  ['/alerts', 'Alerts'],
  ['/services', 'Services'],
  ['/scaling', 'Scaling'],
  ['/metrics-explorer', 'Metrics'],
  ['/logs', 'Logs'],
  ['/traces', 'Traces'],
] as const;

function App() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? 'light');
  const toggle = () => {
    const next = theme === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset.theme = next;
    localStorage.setItem('theme', next);
    setTheme(next);
  };
  return (
    <>
      <nav className="top" aria-label="Main">
        <Link className="brand" to="/">
          SloEngine
        </Link>
        {places.map(([path, name]) => (
          <NavLink key={path} to={path} end={path === '/'}>
            {name}
          </NavLink>
        ))}
        <button type="button" className="theme" onClick={toggle} aria-label={theme === 'dark' ? 'Light theme' : 'Dark theme'}>
          {theme === 'dark' ? '☀' : '☾'}
        </button>
      </nav>
      {/* Charts read their colours once: a new theme draws them anew. */}
      <div key={theme}>
        <Routes>
          <Route path="/" element={<SloList />} />
          <Route path="/slos/:id" element={<SloPage />} />
          <Route path="/alerts" element={<Alerts />} />
          <Route path="/services" element={<Services />} />
          <Route path="/services/:name" element={<Service />} />
          <Route path="/scaling" element={<Scaling />} />
          <Route path="/metrics-explorer" element={<Metrics />} />
          <Route path="/logs" element={<Logs />} />
          <Route path="/traces" element={<Traces />} />
          <Route path="/traces/:id" element={<TracePage />} />
          <Route path="*" element={<Page title="Not found">There is no such page.</Page>} />
        </Routes>
      </div>
    </>
  );
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <BrowserRouter>
      <App />
    </BrowserRouter>
  </StrictMode>,
);
